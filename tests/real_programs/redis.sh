# A server's life: load, snapshot in a forked child, restart from it.
#
#     sh redis.sh KEYS
#
# Says only what must be the same in every run.
keys=$1
socket=$PWD/redis.sock

# While it reads a snapshot it answers, too, but not PONG.
start() {
	redis-server --port 0 --unixsocket "$socket" --save '' --dir "$PWD" \
		--hash-max-listpack-entries 16 --activedefrag no >/dev/null &
	until [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ]; do
		sleep 0.02
	done
}
say() { redis-cli -s "$socket" "$@"; }

load() {
	awk -v keys="$keys" 'BEGIN {
		for (i = 0; i < keys; i++) {
			printf "SET string:%d %0*d\r\n", i, i % 300 + 1, i
			printf "HSET hash:%d field:%d value-%d\r\n", i % 500, i, i
			printf "RPUSH list:%d %0*d\r\n", i % 200, i % 50 + 1, i
			printf "ZADD sorted:%d %d member:%d\r\n", i % 100, i * 7919 % 10007, i
			if (i % 3 == 0) printf "APPEND string:%d more-%d\r\n", i / 2, i
			if (i % 4 == 0) printf "DEL string:%d\r\n", i / 4
		}
	}' | redis-cli -s "$socket" --pipe | grep -o 'errors: .*'
}

# The child saves what was there at the fork, while we go on writing.
snapshot() {
	say BGSAVE
	awk 'BEGIN { for (i = 0; i < 2000; i++) printf "SET late:%d %d\r\n", i, i }' |
		redis-cli -s "$socket" --pipe | grep -o 'errors: .*'
	while say INFO persistence | grep -q 'rdb_bgsave_in_progress:1'; do
		sleep 0.02
	done
	say INFO persistence | grep 'rdb_last_bgsave_status'
	say EVAL "for i = 0, 1999 do redis.call('del', 'late:' .. i) end" 0
}

start
load
say DBSIZE
snapshot
digest=$(say DEBUG DIGEST)
say SHUTDOWN NOSAVE
wait
start
say EVAL "for i = 0, 1999 do redis.call('del', 'late:' .. i) end" 0
[ "$(say DEBUG DIGEST)" = "$digest" ] && echo "the same after the restart"
say EVAL "local n = 0; for _, k in ipairs(redis.call('keys', 'hash:*')) do
	n = n + redis.call('hlen', k) end; return n" 0
say SHUTDOWN NOSAVE
wait
