#include "cmd/guard.h"

#include "base/json.h"
#include "cmd/render.h"
#include "cmd/text.h"

#include <errno.h>
#include <string.h>

static void describe_json(struct render *r, const struct guard_plan *plan)
{
	struct json *o = json_put_object(render_result(r), "plan"), *steps, *s;
	size_t i;

	json_put_str(o, "title", plan->title);
	json_put_str(o, "loss", plan->loss);
	steps = json_put_array(o, "steps");
	for (i = 0; i < plan->n_steps; i++) {
		s = json_add_object(steps);
		json_put_str(s, "action", plan->step[i].action);
		json_put_str(s, "target", plan->step[i].target);
		json_put_str(s, "where", plan->step[i].where);
		json_put_u64(s, "bytes", plan->step[i].bytes);
		json_put_str(s, "sha256", plan->step[i].sha256);
	}
}

static const char *or_blank(const char *s)
{
	return s ? s : "";
}

/* --dry-run is asked for its text, so that goes to stdout; before a question the plan belongs to
 * the conversation, which is on stderr and is seen even when stdout is a file. */
static void describe(const struct guard *g, const struct guard_plan *plan)
{
	int action = 0, target = 0, where = 0;
	uint64_t sum = 0;
	char size[HUMAN_MAX], line[512];
	size_t i;

	if (render_is_json(g->render)) {
		describe_json(g->render, plan);
		if (g->dry_run)
			return;
	}
#define SAY(...)                                                                                   \
	do {                                                                                       \
		if (g->dry_run)                                                                    \
			render_line(g->render, __VA_ARGS__);                                       \
		else                                                                               \
			render_diag(g->render, __VA_ARGS__);                                       \
	} while (0)
	for (i = 0; i < plan->n_steps; i++) {
		const struct guard_step *s = &plan->step[i];

		action = MAX_OF(action, (int)strlen(or_blank(s->action)));
		target = MAX_OF(target, (int)strlen(or_blank(s->target)));
		where = MAX_OF(where, (int)strlen(or_blank(s->where)));
	}
	SAY("plan: %s", plan->title);
	for (i = 0; i < plan->n_steps; i++) {
		const struct guard_step *s = &plan->step[i];

		human_size(size, s->bytes);
		snprintf(line, sizeof(line), "%-*s  %-*s  %-*s  %10s%s%.16s", action,
			 or_blank(s->action), target, or_blank(s->target), where,
			 or_blank(s->where), s->bytes ? size : "", s->sha256 ? "  sha256 " : "",
			 or_blank(s->sha256));
		SAY("  %2zu  %s", i + 1, line);
		sum += s->bytes;
	}
	human_size(size, sum);
	SAY("  %zu step%s, %s in all", plan->n_steps, plan->n_steps == 1 ? "" : "s", size);
	if (plan->loss)
		SAY("  lost for good: %s", plan->loss);
#undef SAY
}

/* One line of the answer without its newline; ERR_CANCELLED when a signal came instead. */
static int read_answer(struct guard *g, char *buf, size_t n, struct err *e)
{
	errno = 0;
	if (!fgets(buf, (int)n, g->in)) {
		if (errno == EINTR)
			return err_set(e, ERR_CANCELLED, "interrupted at the question");
		buf[0] = '\0';
	}
	buf[strcspn(buf, "\r\n")] = '\0';
	return 0;
}

static int settle_loss(struct guard *g, const struct guard_plan *plan, struct err *e)
{
	char answer[128], question[192];

	if (g->accept_loss) {
		if (strcmp(g->accept_loss, plan->word) == 0)
			return 0;
		return err_set(e, ERR_POLICY,
			       "--accept-loss says '%s', but this plan loses %s and asks for '%s'",
			       g->accept_loss, plan->loss, plan->word);
	}
	if (!g->is_tty)
		return err_set(e, ERR_POLICY,
			       "this would lose %s and there is no terminal to ask at; "
			       "if that is meant, give --accept-loss %s",
			       plan->loss, plan->word);
	snprintf(question, sizeof(question), "to go on all the same, type '%s':", plan->word);
	render_ask(g->render, question);
	if (read_answer(g, answer, sizeof(answer), e) < 0)
		return -1;
	if (strcmp(answer, plan->word) != 0)
		return err_set(e, ERR_POLICY, "not confirmed: '%s' was not typed", plan->word);
	return 0;
}

static int settle_question(struct guard *g, struct err *e)
{
	char answer[16];

	if (g->yes)
		return 0;
	if (!g->is_tty)
		return err_set(e, ERR_POLICY,
			       "a change needs consent and there is no terminal to ask at; "
			       "look at the plan with --dry-run, then give --yes");
	render_ask(g->render, "go on? [y/N]");
	if (read_answer(g, answer, sizeof(answer), e) < 0)
		return -1;
	if (strcmp(answer, "y") != 0 && strcmp(answer, "yes") != 0)
		return err_set(e, ERR_POLICY, "not confirmed");
	return 0;
}

int guard_ask(struct guard *g, const struct guard_plan *plan, enum guard_verdict *ret,
	      struct err *e)
{
	if (plan->loss && !plan->word)
		return err_set(e, ERR_BUG, "a plan that loses %s asks for no word", plan->loss);
	describe(g, plan);
	g->was_asked = true;
	if (g->dry_run) {
		*ret = GUARD_DRY_RUN;
		return 0;
	}
	if (plan->loss && settle_loss(g, plan, e) < 0)
		return -1;
	/* Who typed the word of a loss has answered the smaller question too. */
	if (!(plan->loss && g->is_tty && !g->accept_loss) && settle_question(g, e) < 0)
		return -1;
	*ret = GUARD_GO;
	return 0;
}
