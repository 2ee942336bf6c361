#!/usr/bin/env bash
# record.sh - records the traces of this folder again, each from a program of the
# distribution at work on input that is made here.
#
#     workloads/record.sh             all of them
#     workloads/record.sh perl jq     these
#
# The input is the same on every run, and each program runs in a folder of its
# own, with an empty environment and without address randomization (compilers hash
# pointers); so a trace changes with the version of the program and of its
# libraries, with the order in which the threads of git-repack, lld and
# python-threads come to run, and with the clock that libxml2 seeds its dictionaries
# from (a few events).  lld needs the packages lld and clang.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
alloclab=${ALLOCLAB:-$here/../build/alloclab}
all=(bash cc1 cc1plus git-log git-repack jq lld perl python python-threads sqlite
	xmllint)

# ---- recording -------------------------------------------------------------
# record NAME [VARIABLE=VALUE...] PROGRAM ARGUMENT...
record() {
	local name=$1 variables=()
	shift
	while [[ $1 == [A-Z]*=* ]]; do
		variables+=("$1")
		shift
	done
	env -i PATH=/usr/bin:/bin LC_ALL=C HOME="$PWD" TMPDIR="$PWD" \
		"${variables[@]}" \
		setarch -R "$alloclab" record -o "$here/$name.trace" -- "$@" > output
}

# Numbers for all generators: the same ones everywhere, unlike rand().
export numbers='
	my $seed = 12345;
	sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648;
		return int($seed / 65536) % $_[0]; }
	sub word { join "", map { chr(97 + random(26)) } 1 .. 2 + random(9) }
	sub words { join " ", map { word() } 1 .. $_[0] }
'
generate() { perl -e "$numbers $1"; }

# ---- the workloads -----------------------------------------------------------
# A database: rows go in, indexes grow beside them, some are changed and deleted,
# queries sort and join; the page cache lives to the end, statements do not.
record_sqlite() {
	generate '
		print "pragma cache_size=-1500;\n";
		print "create table person(id integer primary key, name text, city int, born int);\n";
		print "create table note(id integer primary key, person int, text text);\n";
		print "create index by_name on person(name); create index by_person on note(person);\n";
		for (1 .. 2500) { printf "insert into person values(%d,\x27%s\x27,%d,%d);\n",
			$_, word(), random(100), 1900 + random(120); }
		for (1 .. 4000) { printf "insert into note values(%d,%d,\x27%s\x27);\n",
			$_, 1 + random(2500), words(3 + random(20)); }
		for (1 .. 800) { printf "update note set text=\x27%s\x27 where id=%d;\n",
			words(3 + random(40)), 1 + random(4000); }
		for (1 .. 400) { printf "delete from note where person=%d;\n", 1 + random(2500); }
		for (1 .. 60) { printf "select p.name, count(*), max(n.text) from person p join note n on n.person=p.id where p.city=%d group by p.name order by 2 desc;\n", random(100); }
	' > load.sql
	record sqlite sqlite3 -batch :memory: '.read load.sql'
}

# An interpreter with reference counts: counts words and the words after them.
record_perl() {
	generate 'print words(12), "\n" for 1 .. 600' > text
	cat > job.pl <<-'END'
		my (%count, %after);
		while (<>) {
			chomp;
			my $last = "";
			for my $word (map { substr $_, 0, 4 } split / /) {
				$count{$word}++;
				push @{$after{$last}}, $word;
				$last = $word;
			}
			delete $after{$last} if $. % 7 == 0;
		}
		for my $word (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count) {
			print join(" ", $word, $count{$word}, sort @{$after{$word} || []}), "\n";
		}
		my $report = join ",", map { "$_=$count{$_}" } sort keys %count;
		$report =~ s/([a-z]+)=(\d+)/$2 x length $1/ge;
		print length $report, "\n";
	END
	record perl PERL_HASH_SEED=0 perl job.pl text
}

# An interpreter that frees each object at once: JSON there and back.
record_python() {
	generate '
		print "[";
		printf "%s{\"id\":%d,\"name\":\"%s\",\"tags\":[%s],\"at\":{\"x\":%d,\"y\":%d.5}}",
			$_ ? "," : "", $_, words(2), join(",", map { "\"" . word() . "\"" } 1 .. random(6)),
			random(1000), random(1000) for 0 .. 1999;
		print "]\n";
	' > data.json
	cat > job.py <<-'END'
		import json
		rows = json.load(open("data.json"))
		tags = {}
		for row in rows:
		    for tag in row["tags"]:
		        tags.setdefault(tag[:2], []).append(row["id"])
		for _ in range(3):
		    rows = [dict(row, name=row["name"].title()) for row in rows
		            if row["at"]["x"] % 7]
		    text = json.dumps(rows, indent=1)
		    rows = json.loads(text)
		print(len(rows), sorted((len(v), k) for k, v in tags.items())[-5:])
	END
	record python PYTHONMALLOC=malloc PYTHONHASHSEED=0 \
		/usr/bin/python3 -S job.py
}

# A compiler: blocks of all sizes, many of which live until a pass ends.  This is
# the workload of a bare `make run`.
record_cc1() {
	generate '
		print "struct node { struct node *left, *right; long key; int count[8]; };\n";
		for my $n (0 .. 11) {
			my ($a, $b, $c) = (1 + random(50), 2 + random(9), random(1000));
			print "long f$n(struct node *n, long x) {\n",
				"\tlong sum = $c;\n",
				"\tfor (int i = 0; i < 8; i++)\n",
				"\t\tsum += n->count[i] * (x ^ $a) / $b;\n",
				"\twhile (n && n->key != sum) {\n",
				"\t\tif (sum > n->key + $a) n = n->left, sum -= x;\n",
				"\t\telse if (sum % $b == 1) n = n->right, sum += $c;\n",
				"\t\telse switch (sum & 7) { case 1: sum ^= $a; break;\n",
				"\t\t\tcase 2: return ", $n ? "f" . random($n) . "(n, sum)" : "x", ";\n",
				"\t\t\tcase 5: sum *= $b; n = n->left; break; default: sum--; n = 0; }\n",
				"\t}\n\treturn sum;\n}\n";
		}
	' > source.c
	record cc1 "$(gcc -print-prog-name=cc1)" -quiet -O2 source.c -o source.s
}

# The same for templates: fewer functions, larger types.
record_cc1plus() {
	generate '
		print "template <int N, class... T> struct table;\n",
			"template <int N> struct table<N> { long sum(long x) { return x + N; } };\n",
			"template <int N, class H, class... T> struct table<N, H, T...> : table<N + 1, T...> {\n",
			"\tH head[N % 7 + 1];\n",
			"\tlong sum(long x) { for (auto &h : head) x += h * N; return table<N + 1, T...>::sum(x ^ N); }\n};\n",
			"template <int A, int B> struct power { static constexpr long value = A * power<A, B - 1>::value % 10007; };\n",
			"template <int A> struct power<A, 0> { static constexpr long value = 1; };\n";
		my @types = ("char", "short", "int", "long", "float", "double", "unsigned", "long long");
		for my $n (0 .. 8) {
			print "long g$n(long x) { table<", random(100), ", ",
				join(", ", map { $types[random(8)] } 1 .. 5 + random(6)), "> t{}; ",
				"auto f = [&](auto y) { return t.sum(y) + power<", 2 + random(50), ", ",
				20 + random(60), ">::value; }; return f(x) + f((int)x); }\n";
		}
	' > source.cc
	record cc1plus "$(gcc -print-prog-name=cc1plus)" -quiet -O2 -std=c++17 \
		source.cc -o source.s
}

# A history of COMMITS commits on 60 files, through fast-import.
make_repository() {
	git -c init.defaultBranch=main init -q repository
	COMMITS=$1 generate '
		my @files = map { [map { words(8) . "\n" } 1 .. 20 + random(60)] } 0 .. 59;
		for my $n (1 .. $ENV{COMMITS}) {
			printf "commit refs/heads/main\ncommitter A <a\@b> %d +0000\ndata 5\nstep\n\n", 1700000000 + $n;
			for (0 .. random(4)) {
				my $f = random(60);
				my $lines = $files[$f];
				splice @$lines, random(scalar @$lines), random(4), map { words(8) . "\n" } 0 .. random(4)
					for 0 .. random(3);
				my $text = join "", @$lines;
				printf "M 100644 inline dir%d/file%d.txt\ndata %d\n%s\n", $f % 7, $f, length $text, $text;
			}
		}
		print "done\n";
	' | git -C repository fast-import --quiet --done
}

# Version control, reading: every commit's difference, one after the other.
record_git-log() {
	make_repository 400
	record git-log git -C repository log -p --stat
}

# Version control, writing, on 4 threads: every object against its neighbours.
record_git-repack() {
	make_repository 1500
	record git-repack git -C repository pack-objects -q --all --no-reuse-delta \
		--window=20 --depth=50 --threads=4 pack < /dev/null
}

# A linker that compiles: link-time optimization on 4 threads, each module by one
# of them, so nearly all work is private.
record_lld() {
	generate '
		for my $u (0 .. 7) {
			open my $out, ">", "u$u.c";
			my $next = ($u + 1) % 8;
			print $out "struct node { struct node *left, *right; long key; int count[8]; };\n",
				"long f${next}_0(struct node *, long);\n";
			for my $n (0 .. 1) {
				my ($a, $b, $c) = (1 + random(50), 2 + random(9), random(1000));
				print $out "long f${u}_$n(struct node *n, long x) {\n\tlong sum = $c;\n",
					"\tfor (int i = 0; i < 8; i++) sum += n->count[i] * (x ^ $a) / $b;\n",
					"\twhile (n && n->key != sum) {\n",
					"\t\tif (sum > n->key + $a) n = n->left, sum -= x;\n",
					"\t\telse if (sum % $b == 1) n = n->right, sum += $c;\n",
					"\t\telse return ", $n ? "f${u}_0(n, sum)" : "f${next}_0(n, x)", ";\n",
					"\t}\n\treturn sum;\n}\n";
			}
		}
	'
	local unit
	for unit in u?.c; do
		clang -O2 -flto=thin -c "$unit"
	done
	record lld ld.lld --threads=4 --thinlto-jobs=4 -shared -o out.so \
		u0.o u1.o u2.o u3.o u4.o u5.o u6.o u7.o
}

# A pipeline of threads: one makes JSON, three parse and change it, the first
# counts.  What one allocates another frees.
record_python-threads() {
	cat > job.py <<-'END'
		import json, queue, sys, threading
		sys.setswitchinterval(1e-4)
		texts, parsed = queue.Queue(8), queue.Queue(8)

		def make():
		    for i in range(50):
		        texts.put(json.dumps(
		            [{"id": i * 100 + j, "name": "n%d" % (i * j), "at": (i * 7 + j * 13) % 997,
		              "tags": ["t%d" % (j % 5)] * (j % 4)} for j in range(100)]))
		    for _ in workers:
		        texts.put(None)

		def parse():
		    while (text := texts.get()) is not None:
		        parsed.put([dict(row, name=row["name"].upper())
		                    for row in json.loads(text) if row["at"] % 3])
		    parsed.put(None)

		workers = [threading.Thread(target=parse) for _ in range(3)]
		for thread in workers + [threading.Thread(target=make)]:
		    thread.start()
		ended, tags = 0, {}
		while ended < len(workers):
		    rows = parsed.get()
		    ended += rows is None
		    for row in rows or []:
		        for tag in row["tags"]:
		            tags[tag] = tags.get(tag, 0) + 1
		print(sorted(tags.items()))
	END
	record python-threads PYTHONMALLOC=malloc PYTHONHASHSEED=0 \
		/usr/bin/python3 -S job.py
}

# A shell: strings that live for a statement, arrays that grow.
record_bash() {
	generate 'print words(8), "\n" for 1 .. 300' > text
	cat > job.sh <<-'END'
		declare -A count
		lines=()
		while read -r -a words; do
			for word in "${words[@]}"; do
				key=${word:0:3}
				count[$key]=$(( ${count[$key]:-0} + 1 ))
			done
			lines+=("${words[*]^^}")
		done < text
		for key in "${!count[@]}"; do
			(( ${count[$key]} > 2 )) && printf '%s %d\n' "$key" "${count[$key]}"
		done
		for i in "${!lines[@]}"; do
			line=${lines[i]//E/3}
			(( i % 3 )) || unset "lines[i]"
			[[ $line == *O3* ]] && lines[i]=${line,,}
		done
		echo "${#lines[@]}"
	END
	record bash bash job.sh
}

# A filter that builds a whole document, changes it, and prints it.
record_jq() {
	generate 'printf "{\"id\":%d,\"name\":\"%s\",\"score\":[%d,%d,%d]}\n",
		$_, words(2), random(100), random(100), random(100) for 1 .. 5000' > rows.json
	cat > job.jq <<-'END'
		[inputs] | group_by(.score[0] % 20)
		| map({key: (.[0].score[0] % 20 | tostring),
		       value: (map(select(.score | add > 90)
		                   | .name |= ascii_upcase
		                   | .score |= sort) | sort_by(.name))})
		| from_entries
	END
	record jq jq -n -f job.jq rows.json
}

# A tree of small nodes and strings that lives as a whole and dies as a whole.
record_xmllint() {
	generate '
		print "<library>\n";
		printf "<book id=\"b%d\" year=\"%d\"><title>%s</title>%s<text>%s</text></book>\n",
			$_, 1900 + random(120), words(4),
			join("", map { "<author born=\"" . (1850 + random(150)) . "\">" . words(2) . "</author>" } 0 .. random(3)),
			words(20) for 1 .. 3500;
		print "</library>\n";
	' > library.xml
	record xmllint xmllint --format --encode UTF-16 library.xml
}

# ---- all of them ---------------------------------------------------------------
(( $# > 0 )) || set -- "${all[@]}"
for name; do
	declare -F "record_$name" > /dev/null || {
		echo "record.sh: there is no workload \"$name\"; there are: ${all[*]}" >&2
		exit 2
	}
done
for name; do
	# Always the same name: it is hashed, and gets into blocks.
	folder=${TMPDIR:-/tmp}/alloclab-workload-$name
	mkdir "$folder"
	trap 'rm -rf "$folder"' EXIT
	(cd "$folder" && "record_$name")
	rm -rf "$folder"
done
