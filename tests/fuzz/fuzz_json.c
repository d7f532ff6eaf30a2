/* Any bytes as the JSON body of any operation. */
#include "body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(&encoding_json, data, size);
    return 0;
}
