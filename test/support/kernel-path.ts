// Whether this run is the one with the kernel's fast path: a test file with the line `// again: kernel-path` runs twice, and
// what holds by the sockets must hold by the kernel. The runner sets the variable.

export const WITH_KERNEL_PATH = process.env['TRUNKYARD_TEST_KERNEL_PATH'] === '1';
