# tests.mk: builds and runs the tests.  Included by the Makefile.
#
#     make test          everything: checked, asan, tsan, scripts
#     make check         the contract on ALLOCATORS=./mine.c
#     make test-quick    checked build, the chosen settings only, no scripts
#
# A test is a program tests/test_*.c (cmocka) or an executable script
# tests/e2e_*; all speak TAP to tests/run.sh, which counts them.

# Under ThreadSanitizer: what has threads, and the battery in short.
TSAN_TESTS ?= test_contract test_common test_page_source $(notdir $(basename \
              $(wildcard tests/test_*thread*.c tests/test_record*.c)))
TSAN_PROGRAMS = $(filter $(TSAN_TESTS:%=build/tsan/tests/%), \
                $(patsubst tests/%.c,build/tsan/tests/%,$(wildcard tests/test_*.c)))
TEST_SCRIPTS = $(sort $(wildcard tests/e2e_*.sh tests/e2e_*.py))

test:
	@harness/setup/deps.sh build charts test scripts fuzz libs recorder programs
	@$(MAKE) --no-print-directory VARIANT=fast all preload
	@$(MAKE) --no-print-directory VARIANT=checked all tests-built
	@$(MAKE) --no-print-directory VARIANT=asan all tests-built
	@$(MAKE) --no-print-directory VARIANT=tsan $(TSAN_PROGRAMS) shims
	@tests/run.sh $(TEST_SCRIPTS) \
	    $(patsubst tests/%.c,build/checked/tests/%,$(wildcard tests/test_*.c)) \
	    $(patsubst tests/%.c,build/asan/tests/%,$(wildcard tests/test_*.c)) \
	    $(TSAN_PROGRAMS)

test-quick:
	@harness/setup/deps.sh build test
	@$(MAKE) --no-print-directory VARIANT=checked tests-built
	@CONTRACT=quick tests/run.sh \
	    $(patsubst tests/%.c,build/checked/tests/%,$(wildcard tests/test_*.c))

# What e2e_instructions.sh counts the instructions of.
$(BUILD)/tests/warm_calls: tests/instructions/warm_calls.c $(BUILD)/liblab.a
	@mkdir -p $(@D)
	$(call say,LD) $(CC) $(CFLAGS_ALL) $(filter-out %.h,$^) -o $@ $(LIBS)

$(BUILD)/tests/warm_program: tests/instructions/warm_program.c
	@mkdir -p $(@D)
	$(call say,LD) $(CC) $(CFLAGS_ALL) -fno-builtin $< -o $@

$(BUILD)/tests/warm_calls $(BUILD)/tests/warm_program: tests/instructions/warm.h

# The shim of the preloaded library and a program that calls it, in one program:
# what ThreadSanitizer can follow (e2e_preload_tsan.sh).
SHIM_NAMES = tcmalloc jemalloc ptmalloc slab
SHIM_CC = $(CC) $(CFLAGS_ALL) -include tests/shim/names.h

$(BUILD)/tests/shim/%.o: tests/programs/%.c
	@mkdir -p $(@D)
	$(call say,CC) $(SHIM_CC) -MMD -MP -c $< -o $@

define shim_rules
$(BUILD)/tests/shim/$1/%.o: harness/preload/%.c
	@mkdir -p $$(@D)
	$$(call say,CC) $$(SHIM_CC) $(call preload_defines,$1) -MMD -MP -c $$< -o $$@

$(BUILD)/tests/shim/$1/races: $(BUILD)/tests/shim/preload_races.o \
    $(PRELOAD_SHIM_SRC:harness/preload/%.c=$(BUILD)/tests/shim/$1/%.o) $(BUILD)/liblab.a
	$$(call say,LD) $(CC) $$(CFLAGS_ALL) $$^ -o $$@ $$(LIBS)
endef
$(foreach name,$(SHIM_NAMES),$(eval $(call shim_rules,$(name))))

shims: $(SHIM_NAMES:%=$(BUILD)/tests/shim/%/races)
shims-print:
	@echo "SHIM_CC='$(SHIM_CC)' SHIM_LIBS='$(LIBS)'"

# The contract battery on one allocator that is not built in.
check:
	@harness/setup/deps.sh build test
	@$(MAKE) --no-print-directory VARIANT=checked build/checked/tests/test_contract
	@CONTRACT_ALLOCATOR="$(ALLOCATORS)" tests/run.sh build/checked/tests/test_contract

# The mutants alone; `make test` runs them, too.
mutants:
	@$(MAKE) --no-print-directory VARIANT=checked tests-built
	@tests/run.sh tests/e2e_mutants.sh

# How one object is compiled and linked with the rest, for e2e_mutants.sh.
print-build:
	@echo "MUTANT_CC='$(CC)' MUTANT_CFLAGS='$(CFLAGS_ALL)'" \
	      "MUTANT_SUPPORT='$(SUPPORT_OBJ)' MUTANT_LIBS='$(LIBS)'"

.PHONY: test test-quick check mutants print-build shims shims-print
