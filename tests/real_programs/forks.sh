# Many short processes: `bash forks.sh ROUNDS`.
declare -A seen
for ((i = 0; i < $1; i++)); do
	words=$(for w in alpha beta gamma delta; do echo "$w-$((i % 7))"; done)
	for word in $words; do
		seen[$word]=$((${seen[$word]:-0} + 1))
	done
	number=$( (((i * i)) && echo $((i * i % 1009))) | cat)
	lines+=("$(printf '%05d %s' "${number:-0}" "${words//$'\n'/ }")")
done
printf '%s\n' "${lines[@]}" | sort | uniq -c | tail -n 5
for word in "${!seen[@]}"; do echo "$word ${seen[$word]}"; done | sort
