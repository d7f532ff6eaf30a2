/* shapes.h - the requests and replies as C structs, generated from shapes.def.
 *
 *     struct put_records_in in;            wire_decode(..., &shape_put_records_in, ..., &in, ...)
 *     if (in.has_stream_name) ... in.stream_name
 *     for (uint32_t i = 0; i < in.records.count; i++) ... in.records.items[i].data
 *
 *     struct get_shard_iterator_out out = { 0 };
 *     wire_set(&out, shard_iterator, text);
 *     wire_encode(&encoding_cbor, &shape_get_shard_iterator_out, &out, writer);
 *
 * Every member, required or not, has its `has_` flag; a reply carries exactly
 * the members whose flag is set.  Numbers, flags and nested structures lie in
 * the struct itself; strings, blobs and list items are borrowed from the
 * request's arena or wherever the handler has them.
 */
#ifndef WIRE_SHAPES_H
#define WIRE_SHAPES_H

#include "wire/shape.h"

/* Gives a member its value.  Variadic, so that compound literals may have commas. */
#define wire_set(object, field, ...) \
    ((void)((object)->field = (__VA_ARGS__), (object)->has_##field = true))

/* ---- the sets: enum wire_stream_status { WIRE_STREAM_UNKNOWN, WIRE_STREAM_CREATING, ... } ---- */
#define CHOICE(id, prefix) enum wire_##id { prefix##_UNKNOWN,
#define CHOICE_VALUE(prefix, value) prefix##_##value,
#define CHOICE_END(id) };
#include "wire/shapes.def"

/* ---- the structs ---- */
#define C_TEXT(id) struct slice
#define C_BLOB(id) struct slice
#define C_I32(id) int32_t
#define C_I64(id) int64_t
#define C_BOOL(id) bool
#define C_TIMESTAMP(id) int64_t
#define C_CHOICE(id) struct choice
#define C_LIST(id) struct id
#define C_MAP(id) struct text_map
#define C_STRUCTURE(id) struct id

#define LIST(id, kind, element, min, max) \
    struct id {                           \
        C_##kind(element) *items;         \
        uint32_t count;                   \
    };
#define STRUCTURE(id, model_name) struct id {
#define MEMBER(owner, kind, id, field, name, presence) \
    C_##kind(id) field;                                \
    bool has_##field;
#define STRUCTURE_END(id) };
#include "wire/shapes.def"

#undef C_TEXT
#undef C_BLOB
#undef C_I32
#undef C_I64
#undef C_BOOL
#undef C_TIMESTAMP
#undef C_CHOICE
#undef C_LIST
#undef C_MAP
#undef C_STRUCTURE

/* The reply of operations that answer with an empty body. */
struct nothing {
    char unused;
};
extern const struct shape shape_nothing;

/* ---- the descriptors: shape_put_records_in and so on ---- */
#define TEXT(id, min, max, pattern) extern const struct shape shape_##id;
#define BLOB(id, min, max) extern const struct shape shape_##id;
#define I32(id, min, max) extern const struct shape shape_##id;
#define I64(id, min, max) extern const struct shape shape_##id;
#define BOOL(id) extern const struct shape shape_##id;
#define TIMESTAMP(id) extern const struct shape shape_##id;
#define CHOICE_END(id) extern const struct shape shape_##id;
#define LIST(id, kind, element, min, max) extern const struct shape shape_##id;
#define MAP(id, key, value, min, max) extern const struct shape shape_##id;
#define STRUCTURE_END(id) extern const struct shape shape_##id;
#include "wire/shapes.def"

#endif
