#include "wire/error_type.h"

static const struct {
    const char *name;
    int status;
} types[ERROR_TYPE_COUNT] = {
#define WIRE_ERROR_ROW(type, name, status) [type] = { #name, status },
    WIRE_ERROR_TYPES(WIRE_ERROR_ROW)
#undef WIRE_ERROR_ROW
};

static enum error_type known(enum error_type type)
{
    return type > ERROR_TYPE_NONE && type < ERROR_TYPE_COUNT ? type : ERROR_INTERNAL_FAILURE;
}

const char *error_type_name(enum error_type type)
{
    return types[known(type)].name;
}

int error_type_status(enum error_type type)
{
    return types[known(type)].status;
}
