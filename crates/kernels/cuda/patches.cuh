KERNEL(patches, (const float* map, VALUE* out, SEEN)) { patches_by<1>(map, out, OF_SEEN); }
KERNEL(patches_by_8, (const float* map, VALUE* out, SEEN)) { patches_by<8>(map, out, OF_SEEN); }
