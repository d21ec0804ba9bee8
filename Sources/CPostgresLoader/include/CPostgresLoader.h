#pragma once

/// Loads libpq. Returns NULL, or the reason why it can't be loaded. Call it before any other function of libpq.
const char *_Nullable spreader_postgres_load(void);
