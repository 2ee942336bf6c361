# Writes a C++ file that instantiates containers: `perl cxx_source.pl KINDS`.
use strict;
use warnings;

my $kinds = shift;

print "#include <$_>\n" for qw(algorithm functional map memory string unordered_map variant vector);
for my $i (1 .. $kinds) {
	print <<"CXX";
struct key_$i { int id; std::string name; bool operator<(const key_$i &o) const { return id < o.id; } };
using tree_$i = std::map<key_$i, std::vector<std::variant<int, double, std::string>>>;
int fill_$i(tree_$i &tree, int n)
{
	std::unordered_map<std::string, std::shared_ptr<key_$i>> index;
	for (int k = 0; k < n; k++) {
		auto key = std::make_shared<key_$i>(key_${i}{k % $i + 1, std::to_string(k)});
		index.emplace(key->name, key);
		tree[*key].emplace_back(k % 2 ? std::variant<int, double, std::string>(k) : std::to_string(k * $i));
	}
	std::vector<std::function<int(int)>> steps;
	for (auto &[name, key] : index)
		steps.push_back([&, id = key->id](int x) { return x + id + (int)tree.size(); });
	std::sort(steps.begin(), steps.end(), [](auto &a, auto &b) { return a(1) < b($i); });
	int sum = 0;
	for (auto &step : steps) sum = step(sum);
	return sum;
}
CXX
}
