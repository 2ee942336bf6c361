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
