/* expose.h - a registry as Prometheus reads it (text format 0.0.4). */
#ifndef BASE_EXPOSE_H
#define BASE_EXPOSE_H

#include "base/bytes.h"
#include "base/metric.h"

/* What to answer as Content-Type. */
#define EXPOSE_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Prints all families; ask `writer->failed` afterwards. */
void expose_print(struct metrics *metrics, struct writer *writer);

#endif
