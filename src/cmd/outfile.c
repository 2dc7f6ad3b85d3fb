#include "cmd/outfile.h"

#include <string.h>

int outfile_open(struct outfile *o, struct ctx *ctx, const char *path, struct err *e)
{
	*o = (struct outfile){ .is_file = path && strcmp(path, "-") != 0 };
	if (!o->is_file)
		return render_raw(ctx->render, &o->sink, e);
	if (fs_new_open(&o->file, path, false, e) < 0)
		return -1;
	fd_sink_init(&o->to_file, o->file.fd);
	o->sink = &o->to_file.sink;
	return 0;
}

int outfile_close(struct outfile *o, int result, struct err *e)
{
	if (!o->is_file)
		return result;
	if (result == 0)
		return fs_new_commit(&o->file, e);
	fs_new_abort(&o->file);
	return -1;
}
