# docs.mk - the pictures in the README.  Included by the Makefile.
#
#     make readme-charts     runs the lab and draws docs/pictures/*.png anew

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

.PHONY: readme-charts
