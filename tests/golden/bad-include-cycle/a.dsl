include "b.dsl"
