# SPDX-License-Identifier: GPL-2.0
# The main operations of build/bench/results.tsv in one picture, as SVG on standard output.

load 'scripts/bench-style.gnuplot'
operations = 'create touch-write touch-read cycle-cold cycle-warm close share random memcpy direct-read vmsplice dma'
set xtics ('4K' 4096, '64K' 65536, '2M' 2097152, '16M' 16777216, '256M' 268435456)
set terminal svg size 1200,1200 dynamic background 'white' font 'sans-serif,11'
set multiplot layout 4,3 title 'Median time over the size; lower is better' offset 0,0 margins 0.06,0.82,0.03,0.94 spacing 0.07,0.05
keyed = 0	# the first has all peers
do for [n = 1:words(operations)] {
	operation = word(operations, n)
	if (int(system(sprintf("grep -c '^%s\t' %s", operation, table))) == 0) { set multiplot next; continue }
	set title operation noenhanced offset 0,-0.6
	if (keyed) { unset key } else { set key at screen 0.995,0.93 right top; keyed = 1 }
	plot for [i = 1:words(peers)] rows(operation, word(peers, i)) using 2:4 with linespoints linestyle i title word(peers, i) noenhanced
}
unset multiplot
