/* Goes one way to a path and prints its errno (0: it was there). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static int failure(int result) { return result < 0 ? errno : 0; }

static void *in_a_thread(void *unused) {
    (void)unused;
    return (void *)(long)failure(open(path, O_RDONLY));
}

static void handler(int signal) { (void)signal; }

int main(int argc, char **argv) {
    const char *way = argv[1];
    path = argc > 2 ? argv[2] : "";
    if (!strcmp(way, "chdir")) { /* argv[3] from directory argv[2] */
        if (chdir(path)) return 99;
        printf("%d\n", failure(open(argv[3], O_RDONLY)));
    } else if (!strcmp(way, "dirfd")) {
        int dir = open(path, O_PATH | O_DIRECTORY);
        struct stat status;
        if (dir < 0) return 99;
        printf("%d\n", failure(openat(dir, argv[3], O_RDONLY)));
        printf("%d\n", failure(fstatat(dir, argv[3], &status, 0)));
    } else if (!strcmp(way, "open")) {
        printf("%d\n", failure(open(path, O_RDONLY)));
    } else if (!strcmp(way, "lstat")) {
        struct stat status;
        printf("%d\n", failure(lstat(path, &status)));
    } else if (!strcmp(way, "dlopen")) {
        void *library = dlopen(path, RTLD_NOW);
        printf("%s\n", library ? "loaded" : dlerror());
    } else if (!strcmp(way, "exec")) {
        execv(path, argv + 2);
        printf("%d\n", errno);
    } else if (!strcmp(way, "fexec")) {
        char *none[] = {NULL};
        int file = open(path, O_RDONLY);
        if (file < 0) return 99;
        syscall(SYS_execveat, file, "", argv + 2, none, AT_EMPTY_PATH);
        printf("%d\n", errno);
    } else if (!strcmp(way, "threads")) {
        pthread_t threads[8];
        for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, in_a_thread, NULL);
        for (int i = 0; i < 8; i++) {
            void *error;
            pthread_join(threads[i], &error);
            printf("%ld\n", (long)error);
        }
    } else if (!strcmp(way, "children")) {
        for (int i = 0; i < 50; i++)
            if (fork() == 0) _exit(open(path, O_RDONLY) < 0 && errno == ENOENT ? 7 : 8);
        int status, seven = 0;
        while (wait(&status) > 0) seven += WIFEXITED(status) && WEXITSTATUS(status) == 7;
        printf("%d\n", seven);
    } else if (!strcmp(way, "signals")) { /* an ordinary and a real-time signal, a stop and its end */
        signal(SIGUSR1, handler);
        signal(SIGRTMIN + 3, handler);
        raise(SIGUSR1);
        raise(SIGRTMIN + 3);
        pid_t child = fork();
        if (child == 0) {
            raise(SIGSTOP);
            _exit(5);
        }
        int status;
        waitpid(child, &status, WUNTRACED);
        printf("stopped %d\n", WIFSTOPPED(status));
        kill(child, SIGCONT);
        waitpid(child, &status, 0);
        printf("ended %d\n", WEXITSTATUS(status));
    } else if (!strcmp(way, "die")) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (!strcmp(way, "sleep")) { /* a family that does not end by itself */
        if (fork() == 0) {
            setsid();
            if (fork() == 0) signal(SIGTERM, SIG_IGN);
        }
        for (;;) pause();
    } else if (!strcmp(way, "daemon")) {
        if (fork() == 0) {
            setsid();
            for (;;) pause();
        }
    } else if (!strcmp(way, "flood")) {
        static char block[65536];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < 64; i++) {
            fwrite(block, 1, sizeof block, stdout);
            fwrite(block, 1, sizeof block, stderr);
        }
    } else if (!strcmp(way, "opaque")) { /* as a program that holds secrets */
        prctl(PR_SET_DUMPABLE, 0);
        printf("%d\n", failure(open(path, O_RDONLY)));
    } else if (!strcmp(way, "chroot")) { /* argv[3] with root argv[2] */
        if (chroot(path) < 0) printf("%d\n", errno);
        else printf("%d\n", failure(open(argv[3], O_RDONLY)));
    } else if (!strcmp(way, "in_root")) { /* the same by a descriptor */
        struct { unsigned long long flags, mode, resolve; } how = {O_RDONLY, 0, 0x10};
        int dir = open(path, O_PATH | O_DIRECTORY);
        printf("%d\n", failure(syscall(SYS_openat2, dir, argv[3], &how, sizeof how)));
    } else if (!strcmp(way, "x32")) {
        syscall(0x40000000 | SYS_open, path, O_RDONLY);
    } else if (!strcmp(way, "wild")) { /* addresses that are none */
        printf("%d\n", failure(open((char *)8, O_RDONLY)));
        printf("%d\n", failure(open((char *)-8L, O_RDONLY)));
        printf("%d\n", failure(open("", O_RDONLY)));
        printf("%d\n", failure(openat(-7, "x", O_RDONLY)));
        char *longest = malloc(8192);
        memset(longest, 'x', 8192);
        longest[8191] = 0;
        printf("%d\n", failure(open(longest, O_RDONLY)));
    } else if (!strcmp(way, "uring")) {
        static char params[256];
        printf("%d\n", failure(syscall(SYS_io_uring_setup, 4, params)));
    } else {
        return 98;
    }
    return 0;
}
