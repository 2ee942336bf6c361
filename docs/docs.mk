# docs.mk - the pictures in the README, and the comparison.  Included by the Makefile.
#
#     make readme-charts     runs the lab and draws docs/pictures/*.png anew
#     make readme-bench      docs/bench.md: designs beside libraries
#     make readme-programs   docs/programs.md: real programs, with every malloc
#     make readme-fidelity   docs/fidelity.md: harness/fidelity/fidelity.mk

PICTURES = build/pictures
readme-charts: ready
	@mkdir -p $(PICTURES) docs/pictures
	build/alloclab run --quick --results $(PICTURES)/map \
	    -a "best-fit next-fit ptmalloc jemalloc" cc1
	build/alloclab run --results $(PICTURES)/all cc1
	plots/draw $(PICTURES)/map/cc1
	plots/draw $(PICTURES)/all/cc1
	cp $(PICTURES)/map/cc1/heap-map.png $(PICTURES)/all/cc1/waste.png \
	    $(PICTURES)/all/cc1/throughput.png docs/pictures/
	build/alloclab blame --results $(PICTURES) --skip allocate \
	    -a best-fit -a jemalloc docs/words.trace
	plots/draw $(PICTURES)/words-blame
	cp $(PICTURES)/words-blame/blame.png docs/pictures/

# What `make bench` says, as docs/bench.md; about 5 minutes, on a quiet machine.
readme-bench: NEEDS = build libs
readme-bench: ready
	@mkdir -p $(PICTURES)
	build/alloclab bench --results $(PICTURES) $(if $(filter-out 0,$(QUICK)),--quick) \
	    >$(PICTURES)/bench.txt
	{ echo "# The lab's designs beside the libraries that they are made after"; \
	  echo; echo "Written by \`make readme-bench\`; how it is measured: [metrics.md](metrics.md), Libraries."; \
	  echo "Machine: $$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
	       "$$(nproc) cores, kernel $$(uname -r)."; \
	  echo; sed 's/^\(.\)/    \1/' $(PICTURES)/bench.txt; } >docs/bench.md

# What `make test-programs` and `make bench-programs` say, as docs/programs.md;
# about 20 minutes, on a quiet machine.
readme-programs: NEEDS = build libs programs
readme-programs: ready
	@mkdir -p $(PICTURES)
	$(MAKE) --no-print-directory test-programs REPS=3 \
	    RUN_OPTIONS="--results $(PICTURES)/every" >$(PICTURES)/test-programs.txt
	$(MAKE) --no-print-directory bench-programs REPS=$(or $(REPS),7) \
	    RUN_OPTIONS="--results $(PICTURES)/designs" >$(PICTURES)/bench-programs.txt
	docs/programs.sh $(PICTURES)/test-programs.txt $(PICTURES)/bench-programs.txt \
	    >docs/programs.md

.PHONY: readme-charts readme-bench readme-programs
