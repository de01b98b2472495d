# SPDX-License-Identifier: GPL-2.0
# The QEMU command line: converts the options of scripts/vm to the array qemu, and the initrd. Sourced, never run.
# shellcheck shell=bash disable=SC2154

kvm_works() {
	[ -r /dev/kvm ] && [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo
}

# The differences between architectures, except the accelerator and the machine's options.
find_machine() {
	case $arch in
	arm64) emulator=qemu-system-aarch64 machine=virt,gic-version=3 console=ttyAMA0 terminal=hvc0 ;;
	*) emulator=qemu-system-x86_64 machine=q35 console=ttyS0 terminal=ttyS1 ;;
	esac
}

# Everything that could differ between runs is fixed: the date, random numbers, and (by kernel parameters) addresses.
icount_arguments() {
	accel=tcg cpus=1
	qemu+=(-accel "tcg,thread=single" -cpu "max,la57=off" -icount "shift=0,sleep=off" -rtc "base=2024-01-01,clock=vm" -seed 1)
}

# An arm64 processor that supports all page sizes and is fast to emulate.
accelerator_arguments() {
	if [ "$arch" = arm64 ]; then
		[ "${accel:=tcg}" = tcg ] || usage_error "a machine of arm64 is emulated"
		qemu+=(-accel "tcg,thread=multi" -cpu neoverse-n1)
		return
	fi
	if [ "$icount" -eq 1 ]; then
		icount_arguments
		return
	fi
	[ -n "$accel" ] || if kvm_works; then accel=kvm; else accel=tcg; fi
	case $accel in
	kvm) qemu+=(-accel kvm -cpu host) ;;
	# An emulated "rep stosb" works byte by byte: without it, zeroing and copying are several times faster.
	tcg) qemu+=(-accel "tcg,thread=multi" -cpu "max,la57=off,erms=off,fsrm=off") ;;
	*) usage_error "the accelerator is kvm or tcg, not '$accel'" ;;
	esac
}

machine_arguments() {
	case $arch-$iommu-$edu in
	arm64-1-*) machine+=,iommu=smmuv3 ;;
	x86-1-*)
		machine+=,kernel-irqchip=split
		qemu+=(-device intel-iommu)
		;;
	x86-0-1) machine+=,max-ram-below-4g=256M ;;
	esac
	[ "$edu" -eq 0 ] || qemu+=(-device edu)
	qemu+=(-machine "$machine" -smp "$cpus,sockets=$cpus")
}

memory_arguments() {
	local part i

	if [ "$nodes" -eq 0 ]; then
		qemu+=(-m "$memory")
		return
	fi
	part=$((memory / nodes / 2 * 2))
	qemu+=(-m $((part * nodes)))
	for ((i = 0; i < nodes; i++)); do
		qemu+=(-object "memory-backend-ram,id=ram$i,size=${part}M" -numa "node,nodeid=$i,memdev=ram$i")
	done
	for ((i = 0; i < cpus; i++)); do
		qemu+=(-numa "cpu,node-id=$((i % nodes)),socket-id=$i")
	done
}

disk_arguments() {
	local i image

	for i in "${!disks[@]}"; do
		image=${disks[i]}
		if [ ! -e "$image" ] && [[ $image =~ ^[0-9]+[KMGT]$ ]]; then
			truncate -s "$image" "$session/disk$i"
			image=$session/disk$i
		fi
		[ -r "$image" ] || die "cannot read the disk image $image"
		qemu+=(-drive "file=${image//,/,,},if=none,id=disk$i,format=raw" -device "virtio-blk-pci,drive=disk$i")
	done
}

# The status port comes last: vm-init relies on it.
port_arguments() {
	local name

	qemu+=(-device virtio-serial-pci)
	if [ "$stdin" -eq 1 ]; then
		qemu+=(-chardev "stdio,id=stdin,signal=off" -device "virtserialport,chardev=stdin,name=stdin")
	fi
	for name in stdout stderr log status; do
		qemu+=(-chardev "file,id=$name,path=$session/$name" -device "virtserialport,chardev=$name,name=$name")
	done
	qemu+=(-serial "file:$session/serial")
	[ "$interactive" -eq 1 ] || return 0
	qemu+=(-chardev "stdio,id=terminal,mux=on,signal=off" -echr 29)
	if [ "$terminal" = hvc0 ]; then
		qemu+=(-device "virtconsole,chardev=terminal")
	else
		qemu+=(-serial chardev:terminal)
	fi
}

# The script's kernel parameters that the caller does not override: for some the first counts (audit), for others the last.
own_parameters() {
	local word
	local -a given words

	read -r -a given <<<"${append//$'\n'/ }"
	read -r -a words <<<"$1"
	for word in "${words[@]}"; do
		case " ${given[*]%%=*} " in
		*" ${word%%=*} "*) ;;
		*) printf '%s ' "$word" ;;
		esac
	done
}

# While a second processor runs, QEMU's emulation may execute an int3 that the kernel's text patching has already removed: vm-init brings
# the others up after the patching at boot. On a busy host the kernel mismeasures the speed of an emulated TSC, and its time runs too
# fast. So the TSC is not used as a clock, the delay loop gets a fixed number, and the timer test at boot is skipped. The watchdogs are
# too impatient for an emulated processor on a busy host (compaction, which zeroes what it frees, has run for 23 s at a time), so they get
# more time: a real lockup lasts longer than that.
kernel_arguments() {
	local line="loglevel=5 panic=-1 oops=panic mitigations=off log_buf_len=4M printk.devkmsg=on audit=0 maxcpus=1"

	[ "$accel" = kvm ] || line+=" watchdog_thresh=60 softlockup_panic=1 rcupdate.rcu_cpu_stall_timeout=120"
	[ "$icount" -eq 0 ] || line+=" nokaslr norandmaps"
	if [ "$arch" = x86 ]; then
		line+=" noreplace-smp"
		[ "$accel" = kvm ] || line+=" tsc=unstable lpj=12000000 no_timer_check"
	fi
	[ "$verbose" -eq 0 ] || line+=" ignore_loglevel"
	[ "$arch-$iommu" != x86-1 ] || line+=" intel_iommu=on"
	qemu+=(-kernel "$kernel_dir/image" -initrd "$session/initrd"
		-append "console=$console $(own_parameters "$line")$append")
}

# The kernel unpacks one archive after the other: the cached one, then that of this run.
make_initrd() {
	mkdir "$session/tree" "$session/tree/session"
	install -m 755 "$iobmd_top/scripts/vm-init" "$session/tree/init"
	write_settings >"$session/tree/session/settings"
	write_command >"$session/tree/session/command"
	(
		cat "$kernel_dir/initramfs"
		cd "$session/tree" || exit
		printf '%s\n' init session session/settings session/command | cpio --quiet -o -H newc -R +0:+0
	) >"$session/initrd"
}

qemu_arguments() {
	qemu=("$emulator" -nodefaults -no-user-config -display none -no-reboot)
	accelerator_arguments
	machine_arguments
	memory_arguments
	port_arguments
	disk_arguments
	qemu+=("${devices[@]}")
	qemu+=(-fsdev "local,id=root,path=${root:-/},security_model=none,readonly=on,multidevs=remap"
		-device "virtio-9p-pci,fsdev=root,mount_tag=root")
	if [ -d "$kernel_dir/root" ]; then
		qemu+=(-fsdev "local,id=programs,path=$kernel_dir/root,security_model=none,readonly=on"
			-device "virtio-9p-pci,fsdev=programs,mount_tag=programs")
	fi
	kernel_arguments
}
