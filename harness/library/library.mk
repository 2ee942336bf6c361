# library.mk: the empty malloc, preloaded to find what the way to a library
# costs.  Built as the recording library is, and so never with sanitizers.

EMPTY_LIB = $(BUILD)/lib/liballoclab-empty.so

$(EMPTY_LIB): $(BUILD)/harness/library/empty/empty.pic.o
	@mkdir -p $(@D)
	$(call say,LD) $(CC) -shared -Wl,-z,now -Wl,-z,defs $^ -o $@

all: $(EMPTY_LIB)
