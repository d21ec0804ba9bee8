#pragma once

/// Loads libpq. Returns null, or why it can't be loaded. Before the first call of a function of it.
const char *_Nullable spreader_postgres_load(void);
