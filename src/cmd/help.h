/* Help, printed from the table. */
#ifndef SALVOR_CMD_HELP_H
#define SALVOR_CMD_HELP_H

struct render;
struct cmd;

void help_overview(struct render *r);
void help_group(struct render *r, const char *group); /* "edl": the verbs that begin with it */
void help_cmd(struct render *r, const struct cmd *cmd);

#endif
