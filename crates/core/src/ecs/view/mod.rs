//! What is derived for others: reads, and what each machine should do.

pub mod assignment;
