CREATE PROCEDURE change_things()
BEGIN
  SET SESSION foreign_key_checks = 0;
  SET SESSION group_concat_max_len = 77;
  SET SESSION sql_mode = 'ANSI_QUOTES';
  SET SESSION unique_checks = 0;
  SET @left_behind = 'by call';
END;
CALL change_things();
SET @known = 1;
