# Opens a chart of PANELS panels, each PANEL_PX pixels high.

HEIGHT = TOP_PX + PANELS * (PANEL_PX + GAP_PX) + BOTTOM_PX
eval "set terminal ".terminal(FORMAT)
set multiplot
