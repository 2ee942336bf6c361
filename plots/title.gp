# Writes FINDING, what the run shows, and below it WHAT, what is drawn.

set label FINDING at screen 14 / real(WIDTH), screen 1 - 22 / real(HEIGHT) left font title_font textcolor rgb TEXT
set label WHAT at screen 14 / real(WIDTH), screen 1 - 45 / real(HEIGHT) left textcolor rgb MUTED
