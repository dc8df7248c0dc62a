/* The floor of a transfer: what one process must do to send a file over a loopback TCP connection, and another to take
 * it, and nothing else: no protocol, no choice, no second peer.
 *
 *     floor SOURCE TARGET sendfile|write
 *
 * The sender goes through the file in blocks of 16 KiB, because every block of BitTorrent has a header of its own: by
 * sendfile, or by pread and write. The receiver hashes each piece of 1 MiB with SHA-1 (one stream at a time, OpenSSL's
 * best), and writes it. It prints wall seconds, CPU seconds of the sender, CPU seconds of the receiver.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 16 << 10, PIECE = 1 << 20, RECEIVE = 256 << 10 };

static void need(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static double cpu(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void send_all(int to, int file, off_t size, int by_sendfile) {
    char *block = malloc(BLOCK);
    need(block != NULL, "malloc");
    for (off_t at = 0; at < size;) {
        if (by_sendfile) {
            need(sendfile(to, file, &at, BLOCK) > 0, "sendfile");
            continue;
        }
        ssize_t have = pread(file, block, BLOCK, at);
        need(have > 0, "pread");
        for (ssize_t sent = 0; sent < have;) {
            ssize_t count = write(to, block + sent, have - sent);
            need(count > 0, "write");
            sent += count;
        }
        at += have;
    }
}

static void receive_all(int from, int file, off_t size) {
    char *piece = aligned_alloc(4096, PIECE);
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    need(piece != NULL && context != NULL, "malloc");
    for (off_t at = 0; at < size;) {
        size_t length = size - at < PIECE ? size - at : PIECE;
        EVP_DigestInit_ex(context, EVP_sha1(), NULL);
        for (size_t have = 0; have < length;) {
            size_t room = length - have < RECEIVE ? length - have : RECEIVE;
            ssize_t count = recv(from, piece + have, room, 0);
            need(count > 0, "recv");
            EVP_DigestUpdate(context, piece + have, count);
            have += count;
        }
        EVP_DigestFinal_ex(context, digest, NULL);
        need(pwrite(file, piece, length, at) == (ssize_t)length, "pwrite");
        at += length;
    }
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "floor SOURCE TARGET sendfile|write\n");
        return 2;
    }
    int by_sendfile = !strcmp(words[3], "sendfile");
    int source = open(words[1], O_RDONLY), target = open(words[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    need(source >= 0, words[1]);
    need(target >= 0, words[2]);
    off_t size = lseek(source, 0, SEEK_END);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(listener, (void *)&address, sizeof address) == 0 && listen(listener, 1) == 0, "listen");
    getsockname(listener, (void *)&address, &length);

    double begun = now();
    pid_t sender = fork();
    need(sender >= 0, "fork");
    if (sender == 0) {
        int to = socket(AF_INET, SOCK_STREAM, 0);
        need(connect(to, (void *)&address, sizeof address) == 0, "connect");
        send_all(to, source, size, by_sendfile);
        close(to);
        _exit(0);
    }
    int from = accept(listener, NULL, NULL), status = 0;
    need(from >= 0, "accept");
    receive_all(from, target, size);
    double took = now() - begun;
    need(waitpid(sender, &status, 0) == sender && status == 0, "the sender");
    printf("%f %f %f\n", took, cpu(RUSAGE_CHILDREN), cpu(RUSAGE_SELF));
    return 0;
}
