/* old-kernel PROGRAM ARGUMENTS...: runs a program as on Linux 3.10, with all it starts. System calls that are newer do not exist (ENOSYS),
   and neither does O_TMPFILE, which is of 3.11: a directory cannot be opened for writing (EISDIR). For x86-64, which it checks, and
   programs of 32 bits there. The last call of 3.10 is finit_module (arch/x86/syscalls/syscall_64.tbl and syscall_32.tbl there). */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LAST 313
#define OPEN 2
#define OPENAT 257
#define LAST_32 350
#define OPEN_32 5
#define OPENAT_32 295
#define TMPFILE 020000000
#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define FAIL(how) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (how))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define UNLESS(test, value, skip) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, skip)
/* What is answered to a call of one architecture, in so many instructions. */
#define CALLS 13
#define OF_3_10(last, open, openat) \
	LOAD(nr), UNLESS(BPF_JGT, last, 1), FAIL(ENOSYS), \
	UNLESS(BPF_JEQ, open, 4), LOAD(args[1]), UNLESS(BPF_JSET, TMPFILE, 1), FAIL(EISDIR), ALLOW, \
	UNLESS(BPF_JEQ, openat, 3), LOAD(args[2]), UNLESS(BPF_JSET, TMPFILE, 1), FAIL(EISDIR), \
	ALLOW

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, CALLS + 3, 0),
		UNLESS(BPF_JEQ, AUDIT_ARCH_I386, 1),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		FAIL(ENOSYS),
		OF_3_10(LAST_32, OPEN_32, OPENAT_32),
		OF_3_10(LAST, OPEN, OPENAT),
	};
	struct sock_fprog filter = { sizeof code / sizeof *code, code };

	if (argc < 2) {
		fprintf(stderr, "usage: old-kernel PROGRAM ARGUMENTS...\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
		perror("old-kernel: seccomp");
		return 2;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "old-kernel: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
