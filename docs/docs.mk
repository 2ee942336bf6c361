# docs.mk - the pictures in the README, and the comparison.  Included by the Makefile.
#
#     make readme-charts     runs the lab and draws docs/pictures/*.png anew
#     make readme-bench      docs/bench.md: designs beside libraries
#     make readme-fidelity   docs/fidelity.md: harness/fidelity/fidelity.mk
