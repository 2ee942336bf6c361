# alloclab: build, run, test.  `make help` lists the targets.

CC ?= cc
OPT = -O2 -g
WARN = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
STD = -std=c11 -D_GNU_SOURCE

# One build per variant, each in its own folder.  Sources are found, not listed:
# a new allocator is a new folder and two lines in allocators/registry.c.
VARIANT ?= fast
FLAGS_fast = -DNDEBUG
FLAGS_checked = -DALLOCLAB_CHECKED
FLAGS_asan = -DALLOCLAB_CHECKED -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan = -DALLOCLAB_CHECKED -fsanitize=thread
BUILD = $(if $(filter fast,$(VARIANT)),build,build/$(VARIANT))
CFLAGS_ALL = $(STD) $(OPT) $(WARN) $(FLAGS_$(VARIANT)) -I. -I$(BUILD) $(CFLAGS)

LIB_SRC = $(sort $(wildcard allocators/*.c allocators/*/*.c)) \
          $(filter-out harness/main.c,$(sort $(wildcard harness/*.c harness/*/*.c)))
LIB_OBJ = $(LIB_SRC:%.c=$(BUILD)/%.o)
LIBS = -lzstd -lxxhash -ljansson -lbsd -linih -lsmartcols -lm -ldl
TESTS = $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c)))
SUPPORT_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/test_*.c),$(wildcard tests/*.c)))

all: $(BUILD)/alloclab
tests-built: $(TESTS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# What run.json says of the program: written anew only when it changes.
COMMIT = $(shell git describe --always --dirty 2>/dev/null || echo unknown)
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BUILD_COMMIT "%s"\n#define BUILD_FLAGS "%s"\n' \
	    '$(COMMIT)' '$(STD) $(OPT) $(FLAGS_$(VARIANT))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/harness/report/json.o: $(BUILD)/version.h
FORCE:

$(BUILD)/alloclab: $(BUILD)/harness/main.o $(BUILD)/liblab.a
	$(CC) $(CFLAGS_ALL) $^ -o $@ $(LIBS)

$(BUILD)/liblab.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(SUPPORT_OBJ) $(BUILD)/liblab.a
	$(CC) $(CFLAGS_ALL) $^ -o $@ -lcmocka $(LIBS)

include tests/tests.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all tests-built FORCE
.SECONDARY:
