#include "device/known.h"

#include "base/attr.h"

#define P PORT_UNKNOWN

#define MODULE(v, p, m, d, n, a, s) { v, p, KNOWN_MODULE, m, NULL, d, n, a, s }
#define STATE(v, p, k, m)           { v, p, k, m, NULL, P, P, P, P }
#define OTHER(v, p, m, c)           { v, p, KNOWN_OTHER_CHIP, m, c, P, P, P, P }

/* The layout of most Quectel modules: 0 DIAG, 1 NMEA, 2 AT, 3 modem (ModemManager's rules and the
 * kernel's option table agree). */
#define STANDARD(p, m) MODULE(0x2c7c, p, m, 0, 1, 2, 3)

/* Sorted by vendor and product. */
static const struct known_device devices[] = {
	/* Foxconn and Dell T77W968 / DW5821e: DIAG on 5 (ModemManager). */
	MODULE(0x0489, 0xe0b4, "T77W968", 5, P, P, P),
	MODULE(0x0489, 0xe0b5, "T77W968", 5, P, P, P),

	/* Qualcomm's own ids. The boot ROM and the dump are listed by every EDL tool; 901d, 901f,
	 * 9025, 9091, 9092 and 90db are composites that some tools also list as EDL. */
	STATE(0x05c6, 0x9006, KNOWN_DUMP, "Qualcomm memory dump"),
	STATE(0x05c6, 0x9008, KNOWN_EDL, "Qualcomm EDL"),
	STATE(0x05c6, 0x900e, KNOWN_DUMP, "Qualcomm memory dump"),
	STATE(0x05c6, 0x901d, KNOWN_EDL_IF_ALONE, "Qualcomm DIAG and ADB"),
	MODULE(0x05c6, 0x901f, "SDX20 composite", P, P, P, P),
	STATE(0x05c6, 0x9025, KNOWN_EDL_IF_ALONE, "Qualcomm composite"),
	MODULE(0x05c6, 0x9091, "SDX composite", P, P, P, P),
	MODULE(0x05c6, 0x9092, "SDX composite", P, P, P, P),
	MODULE(0x05c6, 0x90db, "SDX55 reference, AG600K", 2, P, P, P),
	/* Gobi download ids, bound by the kernel's qcserial. */
	STATE(0x05c6, 0x9201, KNOWN_EDL_IF_ALONE, "Gobi download"),
	STATE(0x05c6, 0x9221, KNOWN_EDL_IF_ALONE, "Gobi download"),
	STATE(0x05c6, 0x9231, KNOWN_EDL_IF_ALONE, "Gobi download"),

	/* Netgear. */
	STATE(0x0846, 0x68e0, KNOWN_EDL, "Netgear EDL"),
	MODULE(0x0846, 0x68e2, "Netgear", 2, P, P, P),

	/* Sony and LG phones, as edl.py and qfenix list them. */
	STATE(0x0fce, 0x9dde, KNOWN_EDL, "Sony EDL"),
	STATE(0x0fce, 0xade3, KNOWN_EDL, "Sony EDL"),
	STATE(0x0fce, 0xade5, KNOWN_EDL, "Sony EDL"),
	STATE(0x0fce, 0xaded, KNOWN_EDL, "Sony EDL"),
	STATE(0x1004, 0x61a1, KNOWN_DUMP, "LG memory dump"),

	/* Sierra boot loaders (edl.py, qfenix, libqmi). */
	STATE(0x1199, 0x9062, KNOWN_EDL_IF_ALONE, "Sierra boot loader"),
	STATE(0x1199, 0x9070, KNOWN_EDL_IF_ALONE, "Sierra boot loader"),
	STATE(0x1199, 0x9090, KNOWN_EDL_IF_ALONE, "Sierra boot loader"),

	/* Fastboot of MDM9x07 and later. */
	STATE(0x18d1, 0xd00d, KNOWN_FASTBOOT, "fastboot"),

	/* ZTE. */
	STATE(0x19d2, 0x0076, KNOWN_EDL, "ZTE EDL"),
	MODULE(0x19d2, 0x1404, "ZTE", 2, P, P, P),

	/* Telit download compositions (kernel tables). */
	STATE(0x1bc7, 0x900e, KNOWN_EDL_IF_ALONE, "Telit download"),
	STATE(0x1bc7, 0x9010, KNOWN_EDL_IF_ALONE, "Telit download"),

	/* Quectel. QFirehose's interface table, ModemManager's rules and the kernel's tables. */
	STANDARD(0x0121, "EC21"),
	/* RG650V (SDX65): 0 DIAG, 1 NMEA, 2 and 3 AT, 4 QMI (kernel). With one interface the same
	 * id is the boot ROM of an RM551E. */
	STANDARD(0x0122, "RG650V, RM551E"),
	MODULE(0x2c7c, 0x0123, "EM061K", 3, 4, 5, P),
	MODULE(0x2c7c, 0x0124, "EM061K", 3, 4, 5, P),
	STANDARD(0x0125, "EC25, EC20, EG25"),
	MODULE(0x2c7c, 0x0127, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0128, "EM060K", 3, 4, 5, P),
	MODULE(0x2c7c, 0x012c, "EM060K, EM120K", 3, P, P, P),
	MODULE(0x2c7c, 0x012e, "EM060K, EM120K", 3, P, P, P),
	MODULE(0x2c7c, 0x012f, "EM060K, EM120K", 3, P, P, P),
	MODULE(0x2c7c, 0x0133, "RG650V-EU", 2, P, P, P),
	MODULE(0x2c7c, 0x0139, "EM060K, EM120K", 3, P, P, P),
	MODULE(0x2c7c, 0x013c, "RM255C", 3, P, P, P),
	STANDARD(0x0191, "EG91"),
	STANDARD(0x0195, "EG95"),
	STANDARD(0x0296, "BG96"),
	STANDARD(0x0306, "EP06, EG06, EM06"),
	MODULE(0x2c7c, 0x0309, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x030a, "EM05", 3, P, P, P),
	/* QFirehose takes 0 unless told otherwise, qfenix 2. */
	MODULE(0x2c7c, 0x030b, "EG120K", 2, P, P, P),
	MODULE(0x2c7c, 0x030c, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x030d, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0310, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0311, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0312, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0313, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0314, "EM05", 3, P, P, P),
	MODULE(0x2c7c, 0x0315, "EM05", 3, P, P, P),
	STANDARD(0x0512, "EM12, EG12, EG18"),
	MODULE(0x2c7c, 0x0514, "EG060K-EA", 2, P, P, P),
	MODULE(0x2c7c, 0x0620, "EM160R", P, P, P, P),
	MODULE(0x2c7c, 0x0700, "BG95, BG77", P, P, P, P),
	STANDARD(0x0800, "RM500Q, RM502Q, RG500Q"),
	STANDARD(0x0801, "RM520N, RG520N"),
	MODULE(0x2c7c, 0x0803, "RM520N (ThinkPad)", 3, P, P, P),
	MODULE(0x2c7c, 0x0804, "Zebra", 3, P, P, P),
	OTHER(0x2c7c, 0x0900, "RG500U", "UNISOC"),
	OTHER(0x2c7c, 0x0901, "EC200U", "UNISOC"),
	OTHER(0x2c7c, 0x6001, "EG912Y", "ASR"),
	OTHER(0x2c7c, 0x6002, "EC200S", "ASR"),
	OTHER(0x2c7c, 0x6005, "EC200A", "ASR"),
	OTHER(0x2c7c, 0x6007, "EG916Q", "not Qualcomm"),
	MODULE(0x2c7c, 0x6008, "EM061K", 3, 4, 5, P),
	MODULE(0x2c7c, 0x6009, "EM061K", 3, 4, 5, P),
	OTHER(0x2c7c, 0x6026, "EC200T", "ASR"),
	OTHER(0x2c7c, 0x7001, "RM500K", "MediaTek"),

	/* Quectel-built modules under other vendors (QFirehose). */
	MODULE(0x3763, 0x3c93, "EC20 (customer id)", P, P, P, P),
	MODULE(0x3c93, 0xffff, "EC20 (customer id)", 8, P, P, P),

	/* Dell: DIAG on 5 by ModemManager; another Dell module shares 81e0. */
	MODULE(0x413c, 0x81d7, "DW5821e", 5, P, P, P),
	MODULE(0x413c, 0x81e0, "DW5821e", 5, P, P, P),
};

/* QFirehose skips 6xxx and 8xxx except 6008 and 6009. */
static const struct known_device other_range = OTHER(0x2c7c, 0, "Quectel module", "not Qualcomm");

static const struct known_vendor vendors[] = {
	{ 0x0489, "Foxconn", false },
	{ 0x05c6, "Qualcomm", true },
	{ 0x0846, "Netgear", false },
	{ 0x0fce, "Sony", false },
	{ 0x1004, "LG", false },
	{ 0x1199, "Sierra Wireless", true },
	{ 0x18d1, "Google", false },
	{ 0x19d2, "ZTE", false },
	{ 0x1bc7, "Telit", true },
	{ 0x2c7c, "Quectel", true },
	{ 0x3731, "Netprisma", true },
	{ 0x3763, "Quectel (customer id)", false },
	{ 0x3c93, "Quectel (customer id)", false },
	{ 0x413c, "Dell", false },
};

const struct known_device *known_find(uint16_t vid, uint16_t pid)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		if (devices[i].vid == vid && devices[i].pid == pid)
			return &devices[i];
	}
	if (vid == 0x2c7c && (pid >> 12 == 6 || pid >> 12 == 8))
		return &other_range;
	return NULL;
}

const struct known_vendor *known_find_vendor(uint16_t vid)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (vendors[i].vid == vid)
			return &vendors[i];
	}
	return NULL;
}

const struct known_device *known_all(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(devices);
	return devices;
}

const struct known_vendor *known_all_vendors(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(vendors);
	return vendors;
}
