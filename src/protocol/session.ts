/**
 * How many calls that are not idempotent one session may have under way: the slots of its reply cache (RFC 8881,
 * section 2.10.6). The server keeps the last reply of each.
 */
export const sessionSlotsMax = 64;
