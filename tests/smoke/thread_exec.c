/* Starts argv[1] from a second thread, while a third one waits. */
#include <pthread.h>
#include <unistd.h>

static char **arguments;

static void *start(void *unused) {
    execv(arguments[0], arguments);
    return unused;
}

static void *wait_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

int main(int argc, char **argv) {
    pthread_t waiting, starting;
    (void)argc;
    arguments = argv + 1;
    pthread_create(&waiting, NULL, wait_for_ever, NULL);
    pthread_create(&starting, NULL, start, NULL);
    for (;;) pause();
}
