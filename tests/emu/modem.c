/* The running firmware: start, end, and what happens to its file system in between. */
#include "tests/emu/modem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int modem_new(struct emu *m)
{
	m->modem = calloc(1, sizeof(*m->modem));
	if (!m->modem)
		return -1;
	m->modem->dies_at = m->modem->sync_due = EMU_NEVER;
	return 0;
}

void modem_free(struct emu *m)
{
	if (m->modem)
		ftree_fini(&m->modem->fs);
	free(m->modem);
	m->modem = NULL;
}

/* nv-and-identity.md section 5.1: no calibration, or NV 453, means factory test mode. */
static bool is_ftm(struct emu *m)
{
	uint8_t b[NV_LEN];

	if (!ftree_has_child(&m->modem->fs, "/nv/item_files/rfnv"))
		return true;
	return nv_get(m, 453, 0, b) == NV_DONE && b[0] == 1;
}

/* Section 5.3: radio data of another variant. */
static bool is_mismatch(struct emu *m)
{
	const struct fnode *card = ftree_find(&m->modem->fs, "/rfc/rfcard.dat");
	char head[EMU_TEXT], want[EMU_TEXT + 8];
	uint8_t b[NV_LEN];

	modem_head(&m->model, head);
	snprintf(want, sizeof(want), "RFC1 %s", head);
	if (card && (card->n <= strlen(want) || memcmp(card->data, want, strlen(want) + 1) != 0))
		return true;
	return nv_get(m, 1878, 0, b) == NV_DONE && get_le32(b) != factory_hardware_id(&m->model);
}

/* The bootloader's part: AT+QPRTPARA=3 has asked for the module's own copy, or (option) there is no
 * file system and a copy stands by (efs2-flash.md section 10). */
static bool restore_own_copy(struct emu *m, enum fs_flash found)
{
	struct fs_backup s;
	struct ftree t;

	if (!fs_backup_state(&m->flash, &s) || !s.valid ||
	    !(s.restore_flag || (found != FS_FLASH_OK && quirk_find(&m->quirks, "self_heal"))))
		return false;
	if (fs_backup_read(&m->flash, &t))
		return false;
	if (!fs_flash_save(&m->flash, &m->model, &t)) {
		s.restores++;
		s.restore_flag = false;
		fs_backup_mark(&m->flash, &s);
	}
	ftree_fini(&t);
	return true;
}

static void read_imeis(struct emu *m)
{
	uint8_t b[NV_LEN];
	unsigned i;

	for (i = 0; i < 2; i++) {
		m->modem->imei_boot[i][0] = '\0';
		if (nv_get(m, 550, i, b) == NV_DONE)
			imei_from_item(b, 9, m->modem->imei_boot[i]);
	}
}

void modem_start(struct emu *m)
{
	struct modem *o = m->modem;
	struct emu_counters before = m->count;
	unsigned wrong = o->spc_wrong;
	enum fs_flash found;

	ftree_fini(&o->fs);
	memset(o, 0, sizeof(*o));
	o->spc_wrong = wrong;
	o->runs = true;
	o->born = m->now;
	o->dies_at = o->sync_due = EMU_NEVER;
	found = fs_flash_load(&m->flash, &m->model, &o->fs);
	if (restore_own_copy(m, found)) {
		ftree_fini(&o->fs);
		found = fs_flash_load(&m->flash, &m->model, &o->fs);
	}
	m->count = before;
	if (found == FS_FLASH_DEAD) {
		ftree_init(&o->fs);
		modem_crash(m, 3000);
	} else if (found == FS_FLASH_NONE) {
		o->wiped = true;
		ftree_init(&o->fs);
		o->dirty = true;
	}
	factory_skeleton(&m->model, &o->fs);
	nv_sweep(&o->fs, &o->dirty);
	m->ftm = is_ftm(m);
	o->mismatch = !m->ftm && is_mismatch(m);
	o->oper = m->ftm ? OPER_FTM : o->mismatch ? OPER_OFFLINE : OPER_ONLINE;
	o->cfun = m->ftm ? 5 : o->mismatch ? 7 : 1;
	read_imeis(m);
}

void modem_stop(struct emu *m, bool orderly)
{
	if (m->modem && m->modem->runs && orderly && !quirk_find(&m->quirks, "lose_unsynced") &&
	    m->modem->dies_at == EMU_NEVER)
		modem_save(m);
	if (m->modem) {
		m->modem->runs = false;
		m->modem->dies_at = m->modem->sync_due = EMU_NEVER;
	}
}

void modem_save(struct emu *m)
{
	struct emu_counters before = m->count;

	if (m->modem->dirty && !fs_flash_save(&m->flash, &m->model, &m->modem->fs)) {
		m->modem->dirty = false;
		m->modem->journal = 0;
	}
	m->count = before;
}

void modem_crash(struct emu *m, uint32_t ms)
{
	m->modem->dies_at = m->now + ms;
}

uint64_t modem_tick(struct emu *m)
{
	struct modem *o = m->modem;

	if (!o->runs)
		return EMU_NEVER;
	if (o->sync_due <= m->now) {
		o->sync_due = EMU_NEVER;
		modem_save(m);
	}
	if (o->dies_at <= m->now && m->leave_at == EMU_NEVER) {
		/* diag.md section 9: a crash ends in RAM dump; some boot loaders go to EDL instead. */
		emu_switch(m, quirk_is(&m->quirks, "crash", "edl") ? EMU_EDL :
			      quirk_is(&m->quirks, "crash", "reboot") ? EMU_NORMAL : EMU_DUMP, 0);
	}
	return o->dies_at <= m->now ? o->sync_due : MIN_OF(o->sync_due, o->dies_at);
}

bool modem_may_write(struct emu *m)
{
	const struct emu_quirk *q = quirk_find(&m->quirks, "journal");

	if (q && m->modem->journal >= q->value)
		return false;
	m->modem->journal++;
	m->modem->dirty = true;
	return true;
}

bool modem_commit_begin(struct emu *m)
{
	uint64_t ms = quirk_value(&m->quirks, "sync_ms", 0);

	if (m->modem->sync_due != EMU_NEVER)
		return true;
	if (!m->modem->dirty)
		return false;
	if (ms)
		m->modem->sync_due = m->now + ms;
	else
		modem_save(m);
	return true;
}

bool modem_commit_pending(struct emu *m)
{
	modem_tick(m);
	return m->modem->sync_due != EMU_NEVER;
}
