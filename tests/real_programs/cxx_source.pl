# Writes a C++ file full of templates: `perl cxx_source.pl KINDS`.  Few kinds come
# without the standard library, whose headers alone keep a slow malloc busy.
use strict;
use warnings;

my $kinds = shift;

print <<"CXX";
template<typename A, typename B> struct pair { A first; B second; };
template<int N, typename T> struct tuple { T head; tuple<N - 1, pair<T, int>> tail; };
template<typename T> struct tuple<0, T> { T head; };
template<typename T> struct list {
	struct node { T value; node *next; } *first = nullptr;
	void push(const T &value) { first = new node{value, first}; }
	template<typename F> auto map(F f) const {
		list<decltype(f(first->value))> out;
		for (node *n = first; n; n = n->next) out.push(f(n->value));
		return out;
	}
	int length() const { int n = 0; for (node *at = first; at; at = at->next) n++; return n; }
};
template<int N> struct fibonacci { static constexpr int value = fibonacci<N - 1>::value + fibonacci<N - 2>::value; };
template<> struct fibonacci<1> { static constexpr int value = 1; };
template<> struct fibonacci<0> { static constexpr int value = 0; };
CXX
for my $i (1 .. $kinds) {
	print <<"CXX";
struct own_$i { int a; double b; tuple<@{[$i % 8 + 4]}, pair<char, own_$i *>> c; };
int lists_$i(const list<own_$i> &from)
{
	auto doubles = from.map([](const own_$i &o) { return o.b * $i; });
	auto pairs = doubles.map([](double d) { return pair<int, double>{(int)d, d}; });
	auto more = pairs.map([&](auto p) { return pair<list<own_$i>, decltype(p)>{from, p}; });
	return more.length() + fibonacci<@{[20 + $i]}>::value % 7;
}
CXX
}
exit if $kinds < 10;

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
