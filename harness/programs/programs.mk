# programs.mk: what lies beside the program for exec and compare.  None of it is
# ever built with sanitizers: it runs beside, or in, programs that are not.

LAUNCHER = $(BUILD)/lib/alloclab-launch
COUNT_LIB = $(BUILD)/lib/liballoclab-count.so

$(LAUNCHER): harness/programs/launcher/launch.c harness/programs/launcher/launch_page.h
	@mkdir -p $(@D)
	$(call say,LD) $(CC) $(STD) $(OPT) $(WARN) -static $< -o $@

# Finds the next allocator as the recording library does.
$(COUNT_LIB): $(BUILD)/harness/programs/counter/count.pic.o \
              $(BUILD)/harness/record/preload/next.pic.o
	@mkdir -p $(@D)
	$(call say,LD) $(CC) -shared -Wl,-z,now -Wl,-z,defs $^ -o $@ -ldl

all: $(LAUNCHER) $(COUNT_LIB)

# Programs that are hard on a malloc, for tests/real_programs.
STRESS = $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/stress_*.c))
stress-programs: $(STRESS)
.PHONY: stress-programs

# The programs of tests/real_programs: under every allocator with short inputs;
# and with full ones under the designs and the libraries that they are made after.
# WANTED="gcc perl": these only.
DESIGNS = tcmalloc lib:tcmalloc jemalloc jemalloc:purge=decay lib:jemalloc ptmalloc lib:mimalloc system
WANTED ?=
compare_suite = build/alloclab compare --suite tests/real_programs $(if $(REPS),--reps $(REPS)) \
                $(if $(ALLOCATORS),-a "$(ALLOCATORS)") $(RUN_OPTIONS)

test-programs bench-programs: NEEDS = build libs programs
test-programs: ready
	@$(MAKE) -s --no-print-directory VARIANT=fast preload stress-programs
	@$(compare_suite) --short $(if $(REPS),,--reps 1) $(WANTED)

# QUICK=1: short inputs, three rounds.
bench-programs: ready
	@$(MAKE) -s --no-print-directory VARIANT=fast preload stress-programs
	@$(compare_suite) $(if $(ALLOCATORS),,-a "$(DESIGNS)") \
	    $(if $(filter-out 0,$(QUICK)),--short $(if $(REPS),,--reps 3)) $(WANTED)
.PHONY: test-programs bench-programs
