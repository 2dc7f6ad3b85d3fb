#include "model/nv_names.h"

#define SET NV_CLASS_SETTING
#define IDN NV_CLASS_IDENTITY
#define SEC NV_CLASS_SECRET
#define SUB NV_CLASS_SUBSCRIPTION
#define CAL NV_CLASS_CALIBRATION
#define HWR NV_CLASS_HARDWARE
static const struct nv_name table[] = {
	{ 0, IDN, false, "ESN" },
	{ 1, IDN, false, "ESN checksum" },
	{ 10, SET, false, "preferred mode" },
	{ 25, SEC, false, "authentication key 1" },
	{ 26, SEC, false, "authentication key 2" },
	{ 27, SEC, false, "authentication key checksum 1" },
	{ 28, SEC, false, "authentication key checksum 2" },
	{ 29, SEC, false, "shared secret data A 1" },
	{ 30, SEC, false, "shared secret data A 2" },
	{ 32, SUB, false, "MIN 1" },
	{ 33, SUB, false, "MIN 2" },
	{ 82, SEC, false, "lock code" },
	{ 85, SEC, false, "service code (SPC)" },
	{ 176, SUB, false, "IMSI MCC" },
	{ 177, SUB, false, "IMSI 11-12" },
	{ 178, SUB, false, "directory number" },
	{ 208, SUB, false, "IMSI-T MCC" },
	{ 209, SUB, false, "IMSI-T 11-12" },
	{ 441, SET, false, "band preference" },
	{ 442, SET, false, "roaming preference" },
	{ 447, IDN, false, "Bluetooth address" },
	{ 453, NV_CLASS_STATE, false, "factory test mode" },
	{ 550, IDN, false, "IMEI" },
	{ 569, CAL, false, "RF calibration version" },
	{ 571, CAL, false, "RF calibration date" },
	{ 573, CAL, false, "RF calibration data file" },
	{ 848, SET, false, "acquisition order" },
	{ 849, SET, false, "network selection" },
	{ 850, SET, false, "service domain" },
	{ 906, SEC, false, "PPP user and password" },
	{ 910, SEC, false, "PPP password" },
	{ 946, SET, false, "band preference 16-31" },
	{ 1877, HWR, false, "RF band-class configuration" },
	{ 1878, HWR, false, "RF hardware configuration" },
	{ 1943, IDN, false, "MEID" },
	{ 2497, IDN, false, "factory data 1" },
	{ 2498, IDN, false, "factory data 2" },
	{ 2499, IDN, false, "factory data 3" },
	{ 2500, IDN, false, "factory data 4" },
	{ 2808, NV_CLASS_INFO, false, "software version" },
	{ 2824, IDN, false, "device serial number" },
	{ 2954, SET, false, "band preference 32-63" },
	{ 3252, NV_CLASS_INFO, true, "not named; breaks the DIAG link on RM551E" },
	{ 4160, SEC, false, "unlock counter" },
	{ 4191, SEC, false, "lock data" },
	{ 4548, HWR, false, "RF band-class configuration, diversity" },
	{ 4678, IDN, false, "WLAN address" },
	{ 5280, SET, false, "data-centric operation" },
	{ 6828, HWR, false, "LTE band configuration" },
	{ 6829, HWR, false, "LTE band configuration, diversity" },
};
#undef SET
#undef IDN
#undef SEC
#undef SUB
#undef CAL
#undef HWR

const struct nv_name *nv_names(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(table);
	return table;
}

const struct nv_name *nv_name_find(uint16_t id)
{
	size_t lo = 0, hi = ARRAY_SIZE(table);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (table[mid].id == id)
			return &table[mid];
		if (table[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool nv_is_identity(uint16_t id)
{
	const struct nv_name *n = nv_name_find(id);

	return n && (n->cls == NV_CLASS_IDENTITY || n->cls == NV_CLASS_SECRET);
}

bool nv_is_secret(uint16_t id)
{
	const struct nv_name *n = nv_name_find(id);

	return n && n->cls == NV_CLASS_SECRET;
}

bool nv_may_scan(uint16_t id)
{
	const struct nv_name *n = nv_name_find(id);

	return !n || !n->hangs;
}

const char *nv_class_name(enum nv_class cls)
{
	static const char *const names[] = { "setting",      "state",       "identity", "secret",
					     "subscription", "calibration", "hardware", "info" };

	return names[cls];
}
