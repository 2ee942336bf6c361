# Makefile - builds, runs and tests the lab.  `make help` lists the targets.

# ---- what a user sets ----------------------------------------------------
# WORKLOAD    a name in workloads/, several, "all", a path, or 'a=100 b=40 -a c=60'
# ALLOCATORS  "best-fit first-fit:order=lifo ./mine.c"; "all" for every one
# REPS        repetitions of the speed pass; QUICK=1: no clock at all
# THREADS=4   also on so many real threads, and the clock runs there
# PACE=x10    at ten times the recorded speed; PACE=recorded: at that
# KEEP=1      keeps the rows of other allocators of the same trace
# DEPS=skip   installs nothing
WORKLOAD ?=
ALLOCATORS ?=
REPS ?=
QUICK ?=
THREADS ?=
PACE ?=
KEEP ?=
RUN_OPTIONS ?=

run: NEEDS = build $(if $(filter-out 0,$(QUICK)),,charts) $(if $(findstring lib:,$(ALLOCATORS)),libs)
run: ready
	@build/alloclab run $(if $(ALLOCATORS),-a "$(ALLOCATORS)") \
	    $(if $(REPS),--reps $(REPS)) $(if $(filter-out 0,$(QUICK)),--quick) \
	    $(if $(THREADS),--threads $(THREADS)) $(if $(PACE),--pace $(PACE)) \
	    $(if $(filter-out 0,$(KEEP)),--keep) --folders build/last-run \
	    $(RUN_OPTIONS) $(if $(WORKLOAD),"$(WORKLOAD)") || status=$$?; \
	[ $${status:-0} = 2 ] || $(MAKE) --no-print-directory \
	    $(if $(filter-out 0,$(QUICK)),name-last,draw-last) || status=1; \
	exit $${status:-0}

help:
	@echo "make run [WORKLOAD=...] [ALLOCATORS=...]  replay, measure, explain, draw"
	@echo "         QUICK=1  the measure pass only     REPS=n  repetitions (9)"
	@echo "         THREADS=n  on n real threads       PACE=recorded, x10  with recorded time"
	@echo "         KEEP=1   keep other rows           DEPS=skip  install nothing"
	@echo "make plots WORKLOAD=...   draw the charts of results/<workload>/ again"
	@echo "make step WORKLOAD=... ALLOCATORS=best-fit [AT=n] [COUNT=n]   event by event"
	@echo "make check ALLOCATORS=./mine.c   the contract battery on your allocator"
	@echo "make preload              build/lib/liballoclab-<name>.so, for LD_PRELOAD"
	@echo "make list                 the allocators and their knobs"
	@echo "make test                 every test; test-quick: the short ones"
	@echo "make bench [QUICK=1]      our designs beside the real libraries; harness costs"
	@echo "make test-programs        real programs under every allocator: output, time, memory"
	@echo "make bench-programs [QUICK=1]   the same under our designs and the real libraries"
	@echo "make scale [ALLOCATORS=...] [THREADS_MAX=n]   1, 2, 4 ... n threads"
	@echo "make fidelity [QUICK=1]   replays beside the programs themselves: peak memory"
	@echo "make fuzz [SECONDS=60]    fuzz the readers and the allocators"
	@echo "make mutants              the lab broken in many ways: does a test notice?"
	@echo "make readme-charts, readme-bench, readme-programs, readme-fidelity"
	@echo "                          write the docs' pictures and figures anew: minutes"
	@echo "make deps-local           missing libraries into build/deps, without root"
	@echo "make clean                removes build/; distclean: results too"

plots:
	@harness/setup/deps.sh charts
	@plots/draw $(or $(wildcard results/$(WORKLOAD)),$(WORKLOAD))

draw-last:
	@status=0; while read -r folder; do plots/draw "$$folder" || status=1; \
	done < build/last-run; exit $$status

name-last:
	@sed 's|^|No charts with QUICK=1, those of an earlier run are gone; to draw: plots/draw |' \
	    build/last-run

list: ready
	@build/alloclab list

bench: NEEDS = build libs recorder
bench: ready
	@build/alloclab bench $(if $(ALLOCATORS),-a "$(ALLOCATORS)") \
	    $(if $(filter-out 0,$(QUICK)),--quick) \
	    $(if $(WORKLOAD),--workloads "$(WORKLOAD)")

# The same work on 1, 2, 4 ... THREADS_MAX threads; the cores of the machine.
THREADS_MAX ?=
scale: NEEDS = build charts
scale: ready
	@build/alloclab scale $(if $(ALLOCATORS),-a "$(ALLOCATORS)") \
	    $(if $(THREADS_MAX),--threads-max $(THREADS_MAX)) \
	    $(if $(REPS),--reps $(REPS)) $(RUN_OPTIONS)
	@plots/draw results/scale

AT ?=
COUNT ?=
step: ready
	@build/alloclab step $(if $(ALLOCATORS),-a "$(ALLOCATORS)") \
	    $(if $(AT),--at $(AT)) $(if $(COUNT),--count $(COUNT)) \
	    $(if $(WORKLOAD),"$(WORKLOAD)")

# The program, built; what is missing for that is installed first.
NEEDS = build
ready:
	@harness/setup/deps.sh $(NEEDS)
	@$(MAKE) --no-print-directory VARIANT=fast all

deps-local:
	@harness/setup/deps.sh --local build test

clean:
	rm -rf build
distclean: clean
	find results -mindepth 1 ! -name README.md -delete

# ---- how it is built -----------------------------------------------------
CC ?= cc
OPT = -O2 -g
WARN = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
STD = -std=c11 -D_GNU_SOURCE

# One build per variant, each in its own folder.  Sources are found, not listed:
# a new allocator is a new folder and two lines in allocators/registry.c.
VARIANT ?= fast
FLAGS_fast = -DNDEBUG
FLAGS_checked = -DALLOCLAB_CHECKED
FLAGS_asan = -DALLOCLAB_CHECKED -DALLOCLAB_SANITIZED -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan = -DALLOCLAB_CHECKED -DALLOCLAB_SANITIZED -fsanitize=thread
BUILD = $(if $(filter fast,$(VARIANT)),build,build/$(VARIANT))

# Libraries that deps-local unpacked.
LOCAL = build/deps/usr
LOCAL_LIB = $(LOCAL)/lib/$(shell uname -m)-linux-gnu
LOCAL_FLAGS = $(if $(wildcard $(LOCAL)/include),-isystem $(LOCAL)/include)
RPATH = -Wl,-rpath,
LOCAL_LINK = $(if $(wildcard $(LOCAL_LIB)),-L$(LOCAL_LIB) $(RPATH)$(abspath $(LOCAL_LIB)))

CFLAGS_ALL = $(STD) $(OPT) $(WARN) $(FLAGS_$(VARIANT)) -I. -I$(BUILD) $(LOCAL_FLAGS) $(CFLAGS)
LIBS = $(LOCAL_LINK) -lzstd -lz -lxxhash -ljansson -lbsd -linih -lsmartcols -lm -ldl

LIB_SRC = $(sort $(wildcard allocators/*.c allocators/*/*.c)) \
          $(filter-out harness/main.c harness/preload/%.c,$(sort $(wildcard harness/*.c harness/*/*.c)))
LIB_OBJ = $(LIB_SRC:%.c=$(BUILD)/%.o)
TESTS = $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c)))
SUPPORT_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/test_*.c),$(wildcard tests/*.c)))

Q = $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$@" &&)

all: $(BUILD)/alloclab
tests-built: $(TESTS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# Programs call malloc on threads with stacks of 16 KiB.  Not bound by that: what
# runs once at the start, and what only the lab's tools call.
AT_START = common/knob tcmalloc/knobs
FOR_TOOLS = common/object_pool_check jemalloc/check jemalloc/walk pool/inspect \
            ptmalloc/walk tcmalloc/check tcmalloc/walk
FRAME_fast = -Wframe-larger-than=1024
$(BUILD)/allocators/%.o: WARN += $(FRAME_$(VARIANT))
$(patsubst %,$(BUILD)/allocators/%.o,$(AT_START) $(FOR_TOOLS)): FRAME_fast =

# The adapter to a library's malloc is one jump, not two.
$(BUILD)/allocators/system/system.o: OPT += -fno-plt

$(BUILD)/alloclab: $(BUILD)/harness/main.o $(BUILD)/liblab.a
	$(call say,LD) $(CC) $(CFLAGS_ALL) -rdynamic $^ -o $@ $(LIBS)

$(BUILD)/liblab.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(SUPPORT_OBJ) $(BUILD)/liblab.a
	$(call say,LD) $(CC) $(CFLAGS_ALL) -rdynamic $^ -o $@ -lcmocka $(LIBS)

# What run.json says of the program; written anew only when it changes.
COMMIT = $(shell git describe --always --dirty 2>/dev/null || echo unknown)
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BUILD_COMMIT "%s"\n#define BUILD_FLAGS "%s"\n' \
	    '$(COMMIT)' '$(STD) $(OPT) $(FLAGS_$(VARIANT))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/harness/report/json.o: $(BUILD)/version.h
FORCE:

include harness/record/record.mk
include harness/preload/preload.mk
include harness/library/library.mk
include harness/programs/programs.mk
include docs/docs.mk
include harness/fidelity/fidelity.mk
include tests/tests.mk
include tests/fuzz.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: run help plots draw-last name-last list bench scale step ready deps-local clean distclean \
        all tests-built FORCE
.SECONDARY:
.DEFAULT_GOAL = run
