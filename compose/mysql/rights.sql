-- What the application's account needs beside all rights on its own schema. Runs once, while the volume is new.

-- The shadow: the scratch schema in which schemagate tries migrations first. Its name is made from the schema's name:
-- SELECT CONCAT('schemagate_shadow_', LEFT(SHA2('aideveloper', 256), 16));
GRANT ALL ON `schemagate\_shadow\_4b25bb8b0ade7329`.* TO 'aideveloper'@'%';

-- MySQL has a binary log, and with one only root may make triggers and functions (error 1419), unless this is on.
SET PERSIST log_bin_trust_function_creators = ON;
