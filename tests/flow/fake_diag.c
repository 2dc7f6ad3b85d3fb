/* A module's DIAG port on a stream socket, for the flow tests: the fake of the unit tests, which keeps what
 * is written to it as long as it runs. "salvor --port unix:PATH". */
#include "tests/unit/diag_fake.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const uint8_t imei[9] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };

static void both(struct fake *f, unsigned id, const void *data, size_t n)
{
	char path[64];

	fake_nv(f, id, 0, data, n);
	snprintf(path, sizeof(path), "/nvm/num/%u", id);
	fake_add(f, path, 0xe1ff, data, n);
}

static void furnish(struct fake *f)
{
	static const char manifest[] = "/nv/item_files/ims/IMS_enable\n/nv/item_files/absent\n";
	static const char *const dirs[] = { "/nv",     "/nv/item_files", "/nv/item_files/conf",
					    "/nv/item_files/rfnv", "/nv/item_files/modem",
					    "/nvm",    "/nvm/num",	 "/nvm/context1",
					    "/policyman", "/empty" };
	uint8_t data[3000];
	char path[96];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		fake_add(f, dirs[i], 0x41ff, NULL, 0);
	both(f, 550, imei, sizeof(imei));
	both(f, 453, "\0", 1);
	both(f, 85, "000000", 6);
	both(f, 10, "\0\4\0", 3);
	both(f, 1878, "\x11\x22\x33\x44", 4);
	fake_add(f, "/nvm/context1/550", 0xe1ff, imei, sizeof(imei));
	for (i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/nv/item_files/rfnv/%08zu", 20000 + 7 * i);
		fake_add(f, path, 0xe1ff, data, 16 + 90 * i);
	}
	fake_add(f, "/policyman/carrier_policy.xml", 0x81a4, data, 2500);
	fake_add(f, "/policyman/device_config.xml", 0x81a4, "<config/>\n", 10);
	fake_add(f, "/nv/item_files/conf/ims.conf", 0x81a4, manifest, sizeof(manifest) - 1);
	fake_add(f, "/nv/item_files/ims/IMS_enable", 0xe1ff, "\1", 1);
	fake_add(f, "/nv/item_files/modem/setting", 0xe1ff, "\1\2\3\4", 4);
	fake_add(f, "/link", 0xa1ff, "/target", 7);
}

static int quirk(struct fake *f, const char *word)
{
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";

	if (strcmp(word, "lie") == 0)
		f->lie_on_write = true;
	else if (strcmp(word, "logs") == 0)
		f->logs = true;
	else if (strcmp(word, "no-sync") == 0)
		f->no_sync = true;
	else if (strcmp(word, "no-efs") == 0)
		f->no_efs_13 = f->no_efs_3e = true;
	else if (strncmp(word, "no-list=", 8) == 0)
		f->no_list = value;
	else if (strncmp(word, "deny=", 5) == 0)
		f->deny = value;
	else if (strncmp(word, "dead=", 5) == 0)
		f->dead_from = (unsigned)atoi(value);
	else if (strncmp(word, "spc=", 4) == 0)
		f->spc = value;
	else if (strncmp(word, "journal=", 8) == 0)
		f->journal_left = f->journal_size = (unsigned)atoi(value);
	else
		return -1;
	return 0;
}

static void serve(struct fake *f, int fd)
{
	struct err e = ERR_INIT;
	uint8_t buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		size_t got;

		if (f->link.ops->write(&f->link, buf, (size_t)n, 0, &e) < 0)
			return;
		while (f->link.ops->read(&f->link, buf, sizeof(buf), 0, &got, &e) == 0) {
			if (send(fd, buf, got, MSG_NOSIGNAL) < 0)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	static struct fake f;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), i;

	fake_init(&f);
	f.sync_polls_needed = 1;
	furnish(&f);
	for (i = 2; i < argc; i++)
		if (quirk(&f, argv[i]) < 0)
			argc = 0;
	if (argc < 2 || s < 0 || strlen(argv[1]) + 2 > sizeof(at.sun_path)) {
		fprintf(stderr, "usage: fake-diag SOCKET [QUIRK]...\n");
		return 2;
	}
	/* Under its name only when somebody listens. */
	snprintf(at.sun_path, sizeof(at.sun_path), "%.*s~", (int)sizeof(at.sun_path) - 2, argv[1]);
	signal(SIGPIPE, SIG_IGN);
	if (bind(s, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s, 4) < 0 ||
	    rename(at.sun_path, argv[1]) < 0) {
		perror("fake-diag");
		return 1;
	}
	for (;;) {
		int fd = accept(s, NULL, NULL);

		if (fd < 0)
			return 1;
		serve(&f, fd);
		close(fd);
		for (i = 0; i < (int)f.n_modes; i++)
			printf("mode %u\n", f.modes[i]);
		f.n_modes = 0;
		fflush(stdout);
	}
}
