# fuzz.mk: libFuzzer targets, tests/fuzz/fuzz_*.c.  Included by the Makefile.
#
#     make fuzz              each target for 60 seconds
#     make fuzz SECONDS=600  longer
#
# clang builds the whole lab once more, with coverage, into build/fuzz/.  What was
# found worth keeping grows in build/fuzz/corpus/; tests/fuzz/seed.sh sows it.
# tests/e2e_fuzz.sh runs each target for some seconds as a part of `make test`.

FLAGS_fuzz = -DALLOCLAB_CHECKED -fsanitize=address,undefined \
             -fsanitize=fuzzer-no-link -fno-sanitize-recover=all
FUZZERS = $(patsubst tests/%.c,build/fuzz/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SECONDS = 60

fuzz:
	@harness/setup/deps.sh build test fuzz
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzzers-built
	@tests/fuzz/run.sh $(SECONDS) $(FUZZERS)

fuzzers-built: $(FUZZERS)

FUZZ_SUPPORT = $(patsubst %,build/fuzz/tests/%.o,forge known lab)

build/fuzz/tests/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_SUPPORT) build/fuzz/liblab.a
	$(call say,LD) $(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $^ -o $@ -lcmocka $(LIBS)

.PHONY: fuzz fuzzers-built
