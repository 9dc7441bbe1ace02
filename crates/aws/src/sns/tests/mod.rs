mod accounts;
mod fifo;
mod harness;
mod http;
mod logs;
mod publishing;
mod subscriptions;
mod topics;
