# fidelity.mk: is what a replay says what a program gets?
#
#     make fidelity [QUICK=1] [PROGRAMS="perl gcc"] [ALLOCATORS="tcmalloc"]

PROGRAMS ?=
FIDELITY = harness/fidelity/fidelity.py $(if $(filter-out 0,$(QUICK)),--quick) \
           $(if $(ALLOCATORS),-a "$(ALLOCATORS)") $(PROGRAMS)

fidelity: NEEDS = build charts
fidelity: ready
	@$(MAKE) --no-print-directory VARIANT=fast preload stress-programs
	@$(FIDELITY)
	@plots/draw results/fidelity

# The same as docs/fidelity.md, below the words that stand there.
readme-fidelity: NEEDS = build charts
readme-fidelity: ready
	@mkdir -p $(PICTURES)
	@$(MAKE) --no-print-directory VARIANT=fast preload stress-programs
	$(FIDELITY) --results $(PICTURES) >$(PICTURES)/fidelity.txt
	plots/draw $(PICTURES)/fidelity
	cp $(PICTURES)/fidelity/fidelity.png docs/pictures/
	{ sed '/^## What a run said/q' docs/fidelity.md; \
	  echo; echo "Machine: $$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
	       "$$(nproc) cores, kernel $$(uname -r). Written by \`make readme-fidelity\`."; \
	  echo; sed 's/^\(.\)/    \1/' $(PICTURES)/fidelity.txt; } >docs/fidelity.md.new
	mv docs/fidelity.md.new docs/fidelity.md

.PHONY: fidelity readme-fidelity
