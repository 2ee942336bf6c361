# record.mk: the library that `alloclab record` preloads into programs.  It is
# never built with sanitizers: it must load into programs that are not.

RECORD_LIB = $(BUILD)/lib/liballoclab-record.so
RECORD_SRC = $(sort $(wildcard harness/record/preload/*.c))
RECORD_OBJ = $(RECORD_SRC:%.c=$(BUILD)/%.pic.o)
# The compiler must not turn malloc + memset in our own malloc into calloc, and
# thread variables must not be allocated at their first use.
RECORD_FLAGS = -fPIC -fvisibility=hidden -fno-builtin-malloc -fno-builtin-calloc \
               -fno-builtin-realloc -fno-builtin-free -fno-builtin-aligned_alloc \
               -ftls-model=initial-exec

$(BUILD)/%.pic.o: %.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(STD) $(OPT) $(WARN) $(RECORD_FLAGS) -I. -MMD -MP -c $< -o $@

$(RECORD_LIB): $(RECORD_OBJ)
	@mkdir -p $(@D)
	$(call say,LD) $(CC) -shared -Wl,-z,now -Wl,-z,defs $^ -o $@ -ldl -lpthread

all: $(RECORD_LIB)

# Programs that tests record: plain builds, whatever the variant of the lab.
PROGRAM_SRC = $(sort $(wildcard tests/programs/*.c))
PROGRAM_CC = $(CC) $(STD) -O1 -g $(WARN) -fno-builtin
TEST_PROGRAMS = $(PROGRAM_SRC:tests/programs/%.c=$(BUILD)/tests/programs/%) \
                $(BUILD)/tests/programs/record_static \
                $(BUILD)/tests/programs/record_hammer_eager

$(BUILD)/tests/programs/%: tests/programs/%.c $(wildcard tests/programs/*.h)
	@mkdir -p $(@D)
	$(call say,CC) $(PROGRAM_CC) $< -o $@ -lpthread

$(BUILD)/tests/programs/record_static: tests/programs/record_process.c
	@mkdir -p $(@D)
	$(call say,CC) $(PROGRAM_CC) -static $< -o $@ -lpthread

# The same program above an allocator that provokes races.
$(BUILD)/tests/programs/record_hammer_eager: tests/programs/record_hammer.c \
                                             tests/programs/hammer_counts.h \
                                             $(BUILD)/tests/programs/eager_malloc.so
	$(call say,CC) $(PROGRAM_CC) $(filter %.c %.so,$^) -o $@ -Wl,-rpath,'$$ORIGIN' -lpthread

$(BUILD)/tests/programs/eager_malloc.so: tests/programs/lib/eager_malloc.c
	@mkdir -p $(@D)
	$(call say,CC) $(PROGRAM_CC) -fPIC -shared -Wl,-soname,$(@F) $< -o $@ -lpthread

RECORD_TESTS = test_record test_record_hammer test_record_server test_record_sites \
               test_record_touched
$(RECORD_TESTS:%=$(BUILD)/tests/%): | $(RECORD_LIB) $(TEST_PROGRAMS) $(BUILD)/alloclab
