-- Settings of each module; the first one says whether the server loads it when it starts.

CREATE TABLE module_settings (
  id INT NOT NULL AUTO_INCREMENT,
  module_name VARCHAR(255) NOT NULL,
  auto_load BOOLEAN NULL DEFAULT FALSE,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE INDEX uq_module_name (module_name),
  INDEX idx_auto_load (auto_load)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
