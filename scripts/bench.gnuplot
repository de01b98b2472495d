# SPDX-License-Identifier: GPL-2.0
# One operation of build/bench/results.tsv, as SVG on standard output: gnuplot -e "operation='create'" scripts/bench.gnuplot

load 'scripts/bench-style.gnuplot'
set terminal svg size 900,560 dynamic background 'white' font 'sans-serif,13'
set title operation.': median time over the size; bars from the minimum to the 99th percentile' noenhanced
set key outside right top
set bars small
plot for [i = 1:words(peers)] rows(operation, word(peers, i)) using 2:4:5:6 with yerrorbars linestyle i notitle, \
	for [i = 1:words(peers)] rows(operation, word(peers, i)) using 2:4 with linespoints linestyle i title word(peers, i) noenhanced
