# SPDX-License-Identifier: GPL-2.0
# What the plots of the benchmark share: iobmd in strong colours, the others pale, the floor dotted.

table = 'build/bench/results.tsv'
peers = 'iobmd iobmd-none iobmd-require iobmd-reserve memfd memfd-thp memfd-hugetlb memfd-secret udmabuf udmabuf-hugetlb dma-heap vgem floor'
rows(operation, peer) = sprintf('< awk -F "\t" ''$1 == "%s" && $3 == "%s"'' %s', operation, peer, table)

set datafile separator "\t"
set datafile missing NaN
set logscale xy
set grid ytics lc rgb '#dddddd'
set xtics ('4K' 4096, '64K' 65536, '2M' 2097152, '16M' 16777216, '64M' 67108864, '256M' 268435456)
set xrange [2048:536870912]
set ytics ('1 ns' 1, '10 ns' 10, '100 ns' 100, '1 us' 1e3, '10 us' 1e4, '100 us' 1e5, '1 ms' 1e6, '10 ms' 1e7, '100 ms' 1e8, '1 s' 1e9)
set style line 1 lc rgb '#d62728' lw 3 pt 7 ps 0.7
set style line 2 lc rgb '#ff7f0e' lw 2 pt 7 ps 0.6
set style line 3 lc rgb '#8c1a4b' lw 2 pt 7 ps 0.6
set style line 4 lc rgb '#e754b5' lw 2 pt 7 ps 0.6
set style line 5 lc rgb '#1f77b4' lw 1.5 pt 5 ps 0.5
set style line 6 lc rgb '#17becf' lw 1.5 pt 5 ps 0.5
set style line 7 lc rgb '#6b8fd6' lw 1.5 pt 5 ps 0.5
set style line 8 lc rgb '#7f7f7f' lw 1.5 pt 5 ps 0.5
set style line 9 lc rgb '#2ca02c' lw 1.5 pt 9 ps 0.6
set style line 10 lc rgb '#98c379' lw 1.5 pt 9 ps 0.6
set style line 11 lc rgb '#bcbd22' lw 1.5 pt 9 ps 0.6
set style line 12 lc rgb '#9467bd' lw 1.5 pt 9 ps 0.6
set style line 13 lc rgb '#000000' lw 1.5 dt 3 pt 1 ps 0.4
