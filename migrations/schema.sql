-- The schema that the migrations build, as the server writes it: reviewed like code, compared at every start.
-- Written by `schemagate snapshot`, which writes it anew after every change of a migration; not to be edited.
-- server:     mysql 9.7.4
-- migrations: sha256 f7ec327bed8ca9d64ea5c12395e6847bc37861ebeebe5a7c419e93cb8e9af3e1
-- body:       sha256 a7d5c27809787c89adb6aa4e296b2b9d92a004124feff5671ba5d4b33e8da714
-- collation:  utf8mb4_0900_ai_ci

SET NAMES utf8mb4;

SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0;

CREATE TABLE `agent_executions` (
  `id` int NOT NULL AUTO_INCREMENT,
  `workflow_id` int NOT NULL,
  `agent_type` enum('orchestrator','plan','code','security_lint','test','review','document','scaffold') COLLATE utf8mb4_unicode_ci NOT NULL,
  `status` enum('queued','running','completed','failed') COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'queued',
  `input` text COLLATE utf8mb4_unicode_ci,
  `output` text COLLATE utf8mb4_unicode_ci,
  `conversation_history` json DEFAULT NULL,
  `has_conversation_history` tinyint(1) GENERATED ALWAYS AS ((`conversation_history` is not null)) STORED,
  `error` text COLLATE utf8mb4_unicode_ci,
  `started_at` timestamp NULL DEFAULT NULL,
  `completed_at` timestamp NULL DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  KEY `idx_workflow_id` (`workflow_id`),
  KEY `idx_status` (`status`),
  KEY `idx_agent_type` (`agent_type`),
  KEY `idx_has_conversation_history` (`has_conversation_history`),
  CONSTRAINT `fk_agent_executions_workflow` FOREIGN KEY (`workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `artifacts` (
  `id` int NOT NULL AUTO_INCREMENT,
  `workflow_id` int NOT NULL,
  `agent_execution_id` int DEFAULT NULL,
  `artifact_type` enum('plan','code','security_lint','test','review_report','documentation') COLLATE utf8mb4_unicode_ci NOT NULL,
  `file_path` varchar(500) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `content` text COLLATE utf8mb4_unicode_ci,
  `metadata` json DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  KEY `idx_workflow_id` (`workflow_id`),
  KEY `idx_artifact_type` (`artifact_type`),
  KEY `idx_agent_execution_id` (`agent_execution_id`),
  CONSTRAINT `fk_artifacts_agent_execution` FOREIGN KEY (`agent_execution_id`) REFERENCES `agent_executions` (`id`) ON DELETE SET NULL,
  CONSTRAINT `fk_artifacts_workflow` FOREIGN KEY (`workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `environment_variables` (
  `id` int NOT NULL AUTO_INCREMENT,
  `key_name` varchar(255) COLLATE utf8mb4_unicode_ci NOT NULL,
  `key_value` text COLLATE utf8mb4_unicode_ci NOT NULL,
  `module_name` varchar(255) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `description` text COLLATE utf8mb4_unicode_ci,
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_key_name` (`key_name`),
  KEY `idx_module_name` (`module_name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `execution_logs` (
  `id` int NOT NULL AUTO_INCREMENT,
  `workflow_id` int NOT NULL,
  `agent_execution_id` int DEFAULT NULL,
  `log_level` enum('debug','info','warn','error') COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'info',
  `message` text COLLATE utf8mb4_unicode_ci NOT NULL,
  `timestamp` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3),
  `metadata` json DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_workflow_id` (`workflow_id`),
  KEY `idx_agent_execution_id` (`agent_execution_id`),
  KEY `idx_timestamp` (`timestamp`),
  CONSTRAINT `fk_execution_logs_agent_execution` FOREIGN KEY (`agent_execution_id`) REFERENCES `agent_executions` (`id`) ON DELETE CASCADE,
  CONSTRAINT `fk_execution_logs_workflow` FOREIGN KEY (`workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `module_settings` (
  `id` int NOT NULL AUTO_INCREMENT,
  `module_name` varchar(255) COLLATE utf8mb4_unicode_ci NOT NULL,
  `auto_load` tinyint(1) DEFAULT '0',
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_module_name` (`module_name`),
  KEY `idx_auto_load` (`auto_load`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `sub_workflow_queue` (
  `id` int NOT NULL AUTO_INCREMENT,
  `parent_workflow_id` int NOT NULL,
  `child_workflow_id` int NOT NULL,
  `execution_order` int NOT NULL,
  `status` enum('pending','in_progress','completed','failed','skipped') COLLATE utf8mb4_unicode_ci DEFAULT 'pending',
  `depends_on` json DEFAULT NULL,
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `started_at` timestamp NULL DEFAULT NULL,
  `completed_at` timestamp NULL DEFAULT NULL,
  `error_message` text COLLATE utf8mb4_unicode_ci,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_child_workflow_id` (`child_workflow_id`),
  KEY `idx_parent_execution_order` (`parent_workflow_id`,`execution_order`),
  KEY `idx_status` (`status`),
  CONSTRAINT `fk_sub_workflow_queue_child` FOREIGN KEY (`child_workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE,
  CONSTRAINT `fk_sub_workflow_queue_parent` FOREIGN KEY (`parent_workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `workflow_messages` (
  `id` int NOT NULL AUTO_INCREMENT,
  `workflow_id` int NOT NULL,
  `agent_execution_id` int DEFAULT NULL,
  `message_type` enum('user','agent','system') COLLATE utf8mb4_unicode_ci NOT NULL,
  `agent_type` varchar(50) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `content` text COLLATE utf8mb4_unicode_ci NOT NULL,
  `metadata` json DEFAULT NULL,
  `action_type` enum('comment','instruction','pause','resume','cancel','redirect') COLLATE utf8mb4_unicode_ci DEFAULT 'comment',
  `action_status` enum('pending','acknowledged','processed','ignored') COLLATE utf8mb4_unicode_ci DEFAULT 'pending',
  `created_at` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (`id`),
  KEY `idx_workflow_id` (`workflow_id`),
  KEY `idx_agent_execution_id` (`agent_execution_id`),
  KEY `idx_action_status` (`action_status`),
  KEY `idx_created_at` (`created_at`),
  KEY `idx_message_type_action_status` (`message_type`,`action_status`),
  CONSTRAINT `fk_workflow_messages_agent_execution` FOREIGN KEY (`agent_execution_id`) REFERENCES `agent_executions` (`id`) ON DELETE SET NULL,
  CONSTRAINT `fk_workflow_messages_workflow` FOREIGN KEY (`workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `workflow_modules` (
  `id` int NOT NULL AUTO_INCREMENT,
  `workflow_id` int NOT NULL,
  `module_name` varchar(255) COLLATE utf8mb4_unicode_ci NOT NULL,
  `is_primary` tinyint(1) DEFAULT '0',
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_workflow_module` (`workflow_id`,`module_name`),
  KEY `idx_module_name` (`module_name`),
  CONSTRAINT `fk_workflow_modules_workflow` FOREIGN KEY (`workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE `workflows` (
  `id` int NOT NULL AUTO_INCREMENT,
  `parent_workflow_id` int DEFAULT NULL,
  `workflow_depth` int DEFAULT '0',
  `execution_order` int DEFAULT '0',
  `workflow_type` enum('feature','bugfix','refactor','documentation','review','new_module') COLLATE utf8mb4_unicode_ci NOT NULL,
  `output_mode` enum('pr','commit') COLLATE utf8mb4_unicode_ci DEFAULT 'pr',
  `target_module` varchar(255) COLLATE utf8mb4_unicode_ci DEFAULT 'AIDeveloper',
  `task_description` text COLLATE utf8mb4_unicode_ci,
  `pr_url` varchar(500) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `status` enum('pending','pending_fix','running','planning','coding','security_linting','testing','reviewing','documenting','completed','completed_with_warnings','failed') COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'pending',
  `is_paused` tinyint(1) DEFAULT '0',
  `pause_requested_at` timestamp NULL DEFAULT NULL,
  `pause_reason` text COLLATE utf8mb4_unicode_ci,
  `started_at` timestamp NULL DEFAULT NULL,
  `payload` json DEFAULT NULL,
  `plan_json` json DEFAULT NULL,
  `auto_execute_children` tinyint(1) DEFAULT '1',
  `result` text COLLATE utf8mb4_unicode_ci,
  `created_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP,
  `updated_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `checkpoint_commit` varchar(40) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `checkpoint_created_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_status` (`status`),
  KEY `idx_created_at` (`created_at`),
  KEY `idx_workflow_type` (`workflow_type`),
  KEY `idx_target_module` (`target_module`),
  KEY `idx_output_mode` (`output_mode`),
  KEY `idx_pr_url` (`pr_url`),
  KEY `idx_workflow_depth` (`workflow_depth`),
  KEY `idx_parent_execution_order` (`parent_workflow_id`,`execution_order`),
  KEY `idx_checkpoint_commit` (`checkpoint_commit`),
  KEY `idx_is_paused` (`is_paused`),
  CONSTRAINT `fk_workflows_parent` FOREIGN KEY (`parent_workflow_id`) REFERENCES `workflows` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

SET SESSION foreign_key_checks = 1;
