# preload.mk: build/lib/liballoclab-<name>.so, one for each allocator of the
# registry that serves any request.  `make preload` builds them, `make run` does
# not.  Never with sanitizers: they load into programs that are not.

PRELOAD_NAMES = $(filter-out bump pool system,$(subst _,-,$(shell sed -n \
                's/^extern const struct allocator \(.*\)_allocator;/\1/p' allocators/registry.c)))
PRELOAD_LIBS = $(PRELOAD_NAMES:%=$(BUILD)/lib/liballoclab-%.so)

# Folders and symbols: first-fit lies in fit/, and is first_fit_allocator.
preload_folder = $(if $(filter %-fit,$1),fit,$1)
preload_symbol = $(subst -,_,$1)_allocator
PRELOAD_HAVE_LOCKS = ptmalloc tcmalloc jemalloc

# Link-time optimisation makes calls through the constant vtable direct calls,
# and inlines them (clang would need a linker of its own for it: there the calls
# stay indirect).  The compiler must not turn malloc + memset in our own calloc
# into calloc.
PRELOAD_LTO = $(if $(findstring clang,$(CC)),,-flto -flto-partition=one)
PRELOAD_FLAGS = $(STD) -O2 -g $(WARN) $(PRELOAD_LTO) -fPIC -fvisibility=hidden -ftls-model=initial-exec \
                -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc \
                -fno-builtin-free -fno-builtin-aligned_alloc -fno-plt \
                $(if $(filter fast,$(VARIANT)),-DNDEBUG,-DALLOCLAB_CHECKED) -I. $(LOCAL_FLAGS)
# -z initfirst: our fork handlers are registered before all others (handle.c).
PRELOAD_LINK = -shared -Wl,-z,now -Wl,-z,nodelete -Wl,-z,defs -Wl,-z,initfirst

PRELOAD_COMMON_SRC = $(filter-out allocators/common/unattached.c,$(wildcard allocators/common/*.c)) \
                     $(wildcard allocators/locked/*.c) harness/clock/heap_peak.c
PRELOAD_SHIM_SRC = $(sort $(wildcard harness/preload/*.c))

# Allocators: compiled once.  The shim: once for each allocator.
$(BUILD)/preload/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(PRELOAD_FLAGS) -MMD -MP -c $< -o $@

# What the shim is compiled with, besides flags.
preload_defines = -DPRELOAD_NAME='"$1"' -DPRELOAD_ALLOCATOR=$(call preload_symbol,$1) \
                  -DPRELOAD_CALLS=$(if $(filter $1,$(PRELOAD_HAVE_LOCKS)),$(call preload_symbol,$1),locked_calls)

define preload_rules
$(BUILD)/preload/$1/%.o: harness/preload/%.c
	@mkdir -p $$(@D)
	$$(call say,CC) $(CC) $(PRELOAD_FLAGS) $(call preload_defines,$1) -MMD -MP -c $$< -o $$@

$(BUILD)/lib/liballoclab-$1.so: $(PRELOAD_SHIM_SRC:harness/preload/%.c=$(BUILD)/preload/$1/%.o) \
    $(patsubst %.c,$(BUILD)/preload/%.o,$(PRELOAD_COMMON_SRC) \
      $(wildcard allocators/$(call preload_folder,$1)/*.c))
	@mkdir -p $$(@D)
	$$(call say,LD) $(CC) $(PRELOAD_FLAGS) $(PRELOAD_LINK) $$^ -o $$@
endef
$(foreach name,$(PRELOAD_NAMES),$(eval $(call preload_rules,$(name))))

preload: $(PRELOAD_LIBS)

# For tests/e2e_preload.sh and e2e_preload_mutants.sh.
preload-programs: $(filter $(BUILD)/tests/programs/preload_%,$(TEST_PROGRAMS))
preload-names:
	@echo $(PRELOAD_NAMES)
preload-print:
	@echo "PRELOAD_CC='$(CC) $(PRELOAD_FLAGS)' PRELOAD_LINK='$(PRELOAD_LINK)'" \
	      "PRELOAD_COMMON='$(PRELOAD_COMMON_SRC:%.c=$(BUILD)/preload/%.o)'"
.PHONY: preload preload-programs preload-names preload-print
