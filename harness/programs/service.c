/*
 * service.c - four steps, each of which may be the last.
 */
#include "service.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock/now.h"
#include "../run/interrupt.h"
#include "tree.h"

static const double RETRY_S = 0.02; /* between two questions: ready? */

/* Whether something listens on the port of this machine. */
static bool port_answers(unsigned long port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers =
		file >= 0 && connect(file, (const struct sockaddr *)&address,
	                             sizeof address) == 0;

	if (file >= 0)
		close(file);
	return answers;
}

/* Asks once; *is_ready is the answer. */
static enum watch_end ask(struct watch *watch, bool *is_ready)
{
	const char *how = watch->plan->service.ready;
	char *end;
	unsigned long port = strtoul(how, &end, 10);

	if (isdigit((unsigned char)how[0]) && *end == '\0') {
		*is_ready = port_answers(port);
		return WATCH_ENDED;
	}
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	enum watch_end asked = watch_helper(watch, how, nowhere, nowhere);
	if (nowhere >= 0)
		close(nowhere);
	*is_ready = watch->command == 0;
	return asked;
}

static enum watch_end wait_until_ready(struct watch *watch)
{
	bool is_ready = false;
	enum watch_end end = ask(watch, &is_ready);

	while (end == WATCH_ENDED && !is_ready) {
		end = watch_program(watch, now_s() + RETRY_S);
		if (end == WATCH_ENDED)
			end = ask(watch, &is_ready);
	}
	return end == WATCH_LATE ? WATCH_NOT_READY : end;
}

static enum watch_end load(struct watch *watch, struct trial *trial)
{
	uint64_t start = now_ns();
	enum watch_end end = watch_helper(watch, watch->plan->service.load,
	                                  watch->out, watch->err);

	trial->wall_ns = now_ns() - start;
	return end == WATCH_ENDED && watch->command != 0 ? WATCH_NO_LOAD : end;
}

/* Nothing to do: what is still resident at the end? */
static enum watch_end drain(struct watch *watch, struct trial *trial)
{
	enum watch_end end = watch_program(
		watch, now_s() + watch->plan->service.drain_seconds);

	trial->drained_bytes = tree_resident_bytes(watch->launcher);
	return end;
}

static enum watch_end stop(struct watch *watch)
{
	const char *command = watch->plan->service.stop;

	/* It may have more to say when the program is already gone. */
	if (command == NULL)
		kill(watch->page->process, SIGTERM);
	else if (!watch_command(watch, command))
		return interrupt_came() ? WATCH_INTERRUPTED : WATCH_LATE;
	enum watch_end end = watch_program(watch, now_s() + SERVICE_STOP_S);
	return end == WATCH_GONE    ? WATCH_ENDED
	       : end == WATCH_ENDED ? WATCH_NO_STOP
	                            : end;
}

enum watch_end service_serve(struct watch *watch, struct trial *trial)
{
	enum watch_end end = wait_until_ready(watch);

	if (end == WATCH_ENDED)
		end = load(watch, trial);
	if (end == WATCH_ENDED)
		end = drain(watch, trial);
	return end == WATCH_ENDED ? stop(watch) : end;
}
