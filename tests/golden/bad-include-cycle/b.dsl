include "a.dsl"
