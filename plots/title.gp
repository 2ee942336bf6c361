# Writes the title: FINDING in bold, and WHAT below it.

WHAT_PX = strstrt(FINDING, "\n") ? 45 + TITLE_LINE_PX : 45
set label FINDING at screen 14 / real(WIDTH), screen 1 - 22 / real(HEIGHT) left font title_font textcolor rgb TEXT
set label WHAT at screen 14 / real(WIDTH), screen 1 - WHAT_PX / real(HEIGHT) left textcolor rgb MUTED
