#include "model/efs_places.h"

#include "model/nv_names.h"

#include <stdlib.h>
#include <string.h>

/* Folder sets differ by build; these are the ones on which item tables and listings agree. */
static const char *const dirs[] = {
	"/ISIM",
	"/cgps",
	"/data",
	"/datamodem",
	"/ds",
	"/eHRPD",
	"/efsprofiles",
	"/gnss",
	"/ims",
	"/mcfg",
	"/mcs",
	"/mdb",
	"/mdm",
	"/mmode",
	"/nv",
	"/nv/item_files",
	"/nv/item_files/conf",
	"/nv/item_files/data",
	"/nv/item_files/gps",
	"/nv/item_files/ims",
	"/nv/item_files/mcfg",
	"/nv/item_files/mcs",
	"/nv/item_files/modem",
	"/nv/item_files/modem/lte",
	"/nv/item_files/modem/mmode",
	"/nv/item_files/modem/nas",
	"/nv/item_files/modem/nr5g",
	"/nv/item_files/nv",
	"/nv/item_files/rfnv",
	"/nv/item_files/wcdma",
	"/nv/reg_files",
	"/nvm",
	"/nvm/alpha",
	"/nvm/context1",
	"/nvm/context2",
	"/nvm/num",
	"/pdp_profiles",
	"/policyman",
	"/rfc",
	"/rfc/rffe_scan",
	"/sd",
};

static const char *const files[] = {
	"/mdb/nr/plmn2cacombos_nr.mdb",
	"/nv/item_files/Thin_UI/enable_thin_ui_cfg",
	"/nv/item_files/conf/data_config_info.conf",
	"/nv/item_files/conf/diag_bootup.conf",
	"/nv/item_files/conf/geran.conf",
	"/nv/item_files/conf/mmode.conf",
	"/nv/item_files/conf/nas_mm.conf",
	"/nv/item_files/conf/qmi_data.conf",
	"/nv/item_files/data/3gpp/ds_3gpp_mtu",
	"/nv/item_files/data/3gpp/ds_3gpp_multi_pdn_same_apn",
	"/nv/item_files/gps/cgps/me/gnss_config",
	"/nv/item_files/gps/cgps/me/gnss_multiband_configuration",
	"/nv/item_files/ims/IMS_enable",
	"/nv/item_files/mcfg/mcfg_rfs_sw_digest_version",
	"/nv/item_files/mcs/tcxomgr/factory_cal_version",
	"/nv/item_files/mcs/tcxomgr/field_cal_params",
	"/nv/item_files/mcs/tcxomgr/field_cal_version",
	"/nv/item_files/mcs/tcxomgr/ft_table_gps",
	"/nv/item_files/mcs/tcxomgr/ft_table_wwan",
	"/nv/item_files/modem/lte/rrc/efs/band_priority_list_v2",
	"/nv/item_files/modem/mmode/device_mode",
	"/nv/item_files/modem/mmode/imei",
	"/nv/item_files/modem/mmode/lte_bandpref",
	"/nv/item_files/modem/mmode/lte_bandpref_extn_65_256",
	"/nv/item_files/modem/mmode/ue_imei",
	"/nv/item_files/modem/mmode/ue_imei_Subscription01",
	"/nv/item_files/modem/mmode/ue_usage_setting",
	"/nv/item_files/modem/mmode/voice_domain_pref",
	"/nv/item_files/nv/550",
	"/nvm/context1/550",
	"/nvm/num/1878",
	"/nvm/num/1943",
	"/nvm/num/2824",
	"/nvm/num/447",
	"/nvm/num/453",
	"/nvm/num/4678",
	"/nvm/num/550",
	"/nvm/num/569",
	"/policyman/carrier_policy.xml",
	"/policyman/device_config.xml",
	"/rfc/rfc_dsda_control_table.dat",
	"/rfc/rffe_scan/rffe_mmw_scan.dat",
	"/rfc/rffe_scan/rffe_scan.dat",
	"/rmnet_config.txt",
	"/sd/bst_tbl",
	"/sd/rat_acq_order",
};

const char *const *efs_known_dirs(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(dirs);
	return dirs;
}

const char *const *efs_known_files(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(files);
	return files;
}

/* A decimal number without leading zeros, up to `end`. */
static bool number(const char **p, char end, uint16_t *ret)
{
	size_t n = strspn(*p, "0123456789");
	unsigned long v;

	if (n == 0 || n > 5 || (n > 1 && **p == '0') || ((*p)[n] != end && (*p)[n] != '\0'))
		return false;
	v = strtoul(*p, NULL, 10);
	if (v > UINT16_MAX)
		return false;
	*ret = (uint16_t)v;
	*p += n;
	return true;
}

/* "550" or "550_1". */
static bool nv_name_parse(const char *name, uint16_t *ret_id, uint16_t *ret_index)
{
	uint16_t id, index = 0;

	if (!number(&name, '_', &id))
		return false;
	if (*name == '_') {
		name++;
		if (!number(&name, '\0', &index))
			return false;
	}
	*ret_id = id;
	*ret_index = index;
	return true;
}

static const char *behind(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

bool efs_place_nv(const char *path, uint16_t *ret_id, uint16_t *ret_index, uint8_t *ret_sim)
{
	const char *name = behind(path, "/nvm/num/");
	uint8_t sim = 0;

	if (!name && (name = behind(path, "/nvm/context")) != NULL) {
		if (name[0] < '1' || name[0] > '9' || name[1] != '/')
			return false;
		sim = (uint8_t)(name[0] - '0');
		name += 2;
	}
	if (!name || !nv_name_parse(name, ret_id, ret_index))
		return false;
	*ret_sim = sim;
	return true;
}

/* The numbered item that a file is, or mirrors on newer builds. */
static bool nv_of(const char *path, uint16_t *ret_id)
{
	const char *name = behind(path, "/nv/item_files/nv/");
	uint16_t index;
	uint8_t sim;

	if (name)
		return nv_name_parse(name, ret_id, &index);
	return efs_place_nv(path, ret_id, &index, &sim);
}

const char *efs_place_identity(const char *path)
{
	const char *name = behind(path, "/nv/item_files/modem/mmode/");
	uint16_t id;

	/* "ue_imei*" and "imei*": newer builds, two hardware reports. */
	if (name && (strncmp(name, "ue_imei", 7) == 0 || strncmp(name, "imei", 4) == 0))
		return "IMEI";
	if (nv_of(path, &id) && nv_is_identity(id))
		return nv_name_find(id)->name;
	return NULL;
}

bool efs_place_is_secret(const char *path)
{
	uint16_t id;

	return nv_of(path, &id) && nv_is_secret(id);
}

bool efs_place_is_manifest(const char *path)
{
	const char *name = behind(path, "/nv/item_files/conf/");
	size_t n = name ? strlen(name) : 0;

	return n > 5 && !strchr(name, '/') && strcmp(name + n - 5, ".conf") == 0;
}

const char *efs_manifest_next(const char *text, size_t n, size_t *pos, char *out, size_t cap)
{
	while (*pos < n) {
		const char *line = text + *pos;
		size_t len = 0;

		while (len < n - *pos && line[len] != '\n' && line[len] != '\r' && line[len] != '\0')
			len++;
		*pos += len + 1;
		while (len && (line[0] == ' ' || line[0] == '\t')) {
			line++;
			len--;
		}
		while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
			len--;
		if (len < 2 || line[0] != '/' || len >= cap)
			continue;
		memcpy(out, line, len);
		out[len] = '\0';
		return out;
	}
	return NULL;
}

bool efs_place_wants_item(const char *path)
{
	return behind(path, "/nv/item_files/") ? !efs_place_is_manifest(path) : behind(path, "/nvm/") != NULL;
}
