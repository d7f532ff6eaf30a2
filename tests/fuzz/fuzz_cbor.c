/* Any bytes as the CBOR body of any operation. */
#include "body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(&encoding_cbor, data, size);
    return 0;
}
